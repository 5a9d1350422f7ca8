/**
 * The units of `examples/systemd/` as they are, under a real systemd: what they serve, what a
 * restart loses, and what the application cannot do.
 */
import { mkdir, stat, writeFile } from "node:fs/promises";
import { FastCgiClient } from "../../src/client/mod.ts";
import { assert, assertEquals } from "../_assert.ts";
import { afterAll, beforeAll, describe, it } from "../_harness.ts";
import { readPage } from "../_pages.ts";
import { runtime, waitUntil } from "../_runtime.ts";
import { skipSystemd, Systemd } from "./_systemd.ts";

const SHEBANG = `#!/usr/bin/env -S ${{ deno: "deno run -A", bun: "bun", node: "node" }[runtime]}\n`;
const SERVICES = ["app.service", "app-daemon.service", "app@.service"];
const SOCKET = "/run/app/fcgi.sock";

/** Says who it is, and what it can do. */
const appWith = (options: string) =>
  `${SHEBANG}import { serve } from "file:///srv/fastcgi/mod.ts";
import { readdirSync, writeFileSync } from "node:fs";
import process from "node:process";

function attempt(work) {
  try {
    return work() ?? "done";
  } catch (error) {
    return error.code;
  }
}

serve(${options}(request) => {
  const { pathname } = new URL(request.url);
  if (pathname === "/pid") return new Response(String(process.pid));
  return Response.json({
    isRoot: process.getuid() === 0,
    etc: attempt(() => writeFileSync("/etc/x", "")),
    homes: attempt(() => readdirSync("/root")),
    tmp: attempt(() => readdirSync("/tmp").length),
    devices: attempt(() => readdirSync("/dev").includes("kmsg")),
    others: attempt(() => readdirSync("/proc").includes("1")),
    cache: attempt(() => writeFileSync(process.env.DENO_DIR + "/x", "")),
    write: attempt(() => writeFileSync("/tmp/x", "")),
  });
});
`;

describe("systemd units", { skip: skipSystemd, timeout: 60_000 }, () => {
  let systemd: Systemd;

  beforeAll(async () => {
    systemd = await Systemd.start({
      "app/app.fcgi.ts": appWith(""),
      "blog/app.fcgi.ts": appWith(""),
      "daemon/app.fcgi.ts": appWith(`{ path: "${SOCKET}", mode: 0o660 }, `),
    });
  });
  afterAll(async () => await systemd?.[Symbol.asyncDispose]());

  const ask = async (path: string, socket = SOCKET): Promise<string> => {
    await using client = new FastCgiClient({ path: systemd.path(socket) });
    const response = await client.fetch(new Request(`http://localhost${path}`));
    assertEquals(response.status, 200);
    return await response.text();
  };

  it("are taken by systemd-analyze verify", async () => {
    const units = [...SERVICES, "app.socket", "app@.socket"].map((name) =>
      `/run/units/${name.replace("@", "@blog")}`
    );
    for (const unit of units.filter((unit) => unit.includes("@blog"))) {
      await systemd.run("ln", "-s", unit.replace("@blog", "@"), unit);
    }
    const { ok, text } = await systemd.run("systemd-analyze", "verify", "--man=no", ...units);
    assertEquals({ ok, text }, { ok: true, text: "" });
  });

  it("have the exposure that the page says", async () => {
    const page = await readPage("examples/systemd/README.md");
    for (const service of SERVICES) {
      const { text } = await systemd.run(
        ...["systemd-analyze", "security", "--offline=yes", `/run/units/${service}`],
      );
      const [, level] = /Overall exposure level for \S+: (\S+)/.exec(text) ?? [];
      const [, said] = /exposure\s+level\s+of\s+(\d\.\d)/.exec(page) ?? [];
      assertEquals(level, said, service);
    }
  });

  it("serve on the socket, and lose nothing when the service is restarted", async () => {
    await systemd.tell("start", "app.socket");
    const { mode } = await stat(systemd.path(SOCKET));
    assertEquals(mode & 0o777, 0o600);
    const pids = new Set([await ask("/pid")]);
    let isOver = false;
    const lanes = Array.from({ length: 4 }, async () => {
      while (!isOver) pids.add(await ask("/pid"));
    });
    await systemd.tell("restart", "app.service");
    await waitUntil(() => pids.size > 1);
    isOver = true;
    await Promise.all(lanes);
    assertEquals(pids.size, 2);
  });

  it("keep the application from what is none of its business", async () => {
    assertEquals(JSON.parse(await ask("/")), {
      isRoot: false,
      etc: "EROFS",
      homes: "EACCES",
      tmp: 0,
      devices: false,
      others: false,
      cache: "done",
      write: "done",
    });
  });

  it("cannot have MemoryDenyWriteExecute=, but on Bun", async () => {
    const directory = systemd.path("/run/units/app.service.d");
    await mkdir(directory);
    await writeFile(`${directory}/deny.conf`, "[Service]\nMemoryDenyWriteExecute=yes\n");
    await systemd.tell("daemon-reload");
    await systemd.tell("stop", "app.service");
    if (runtime === "bun") return assertEquals(JSON.parse(await ask("/")).isRoot, false);
    await systemd.tell("start", "app.service");
    await waitUntil(async () => {
      const { text } = await systemd.run("systemctl", "show", "-p", "Result", "app.service");
      return /=(signal|core-dump|exit-code|start-limit-hit)/.test(text);
    }, { what: "the service to fail" });
  });

  it("serve an application for each name", async () => {
    await systemd.tell("start", "app@blog.socket");
    assertEquals(JSON.parse(await ask("/", "/run/blog/fcgi.sock")).etc, "EROFS");
  });

  it("serve without a socket of systemd's", async () => {
    await systemd.tell("stop", "app.socket", "app.service");
    await systemd.run("mount", "--bind", "/srv/daemon", "/srv/app");
    await systemd.tell("start", "app-daemon.service");
    const socket = systemd.path(SOCKET);
    await waitUntil(() => ask("/").catch(() => false), { what: "the daemon" });
    const { mode, gid, uid } = await stat(socket);
    const { text } = await systemd.run("id", "-g", "www-data");
    assertEquals([mode & 0o777, gid], [0o660, Number(text)]);
    assert(uid !== 0);
    assertEquals(JSON.parse(await ask("/")).etc, "EROFS");
    await systemd.tell("stop", "app-daemon.service");
    assertEquals(await stat(socket).then(() => true, () => false), false);
  });
});
