/**
 * What `serve()` asks Deno for: the network, and for a Unix socket its path. Nothing else, ever.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { assert, assertEquals, assertNotEquals, assertStringIncludes } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { runtime, spawnProgram, tempDir, which } from "../_runtime.ts";
import { RawPeer } from "./_raw_peer.ts";
import { runScript } from "./_script.ts";

const skip = runtime !== "deno" && "Only Deno has permissions";
const script = await which("script");

/** Touches everything there is on a request, and all that may happen to one. */
const APP = `
serve(options, async (request, info) => {
  info.log("seen");
  info.waitUntil(Promise.resolve());
  request.signal.throwIfAborted();
  const { pathname } = new URL(request.url);
  if (pathname === "/throw") throw new Error("Thrown");
  return Response.json([
    pathname, info.remoteAddr, info.scriptName, info.pathInfo, [...info.params].length > 0,
    await request.text(),
  ]);
});
`;

const DENIED = ["read", "write", "env", "sys", "run", "ffi", "import"].map((name) =>
  `--deny-${name}`
);

describe("permissions", { skip }, () => {
  it("serve needs only --allow-net for TCP, the rest may be denied", async () => {
    await using app = await runScript(`const options = { port: 0 };${APP}`, [], {
      denoPermissions: ["--allow-net=127.0.0.1", ...DENIED],
      env: { DENO_TRACE_PERMISSIONS: "1" },
    });
    const address = await app.address();
    await using peer = await RawPeer.connect(address);
    assertEquals((await peer.fetch({ method: "POST", body: new Uint8Array(3) })).status, 200);
    assertEquals((await peer.fetch({ uri: "/throw" })).status, 500);
    assert(!app.program.stderr.text.includes("NotCapable"), app.program.stderr.text);
  });

  it("serve needs only the address itself", async () => {
    await using app = await runScript(`const options = {};${APP}`, [], {
      denoPermissions: ["--allow-net=127.0.0.1:9000", ...DENIED],
    });
    // Another program may have the port: that is no question of permissions.
    const line = /^Serving FastCGI on 127\.0\.0\.1:9000 \(the default; |EADDRINUSE/;
    await app.program.waitForLine("stderr", line);
    assert(!app.program.stderr.text.includes("NotCapable"), app.program.stderr.text);
  });

  it("serve asks a person at a terminal for nothing with --allow-net", {
    skip: skip || !script && "script (util-linux) is not installed",
  }, async () => {
    await using directory = await tempDir();
    const module = new URL("../../mod.ts", import.meta.url).href;
    const file = join(directory.path, "app.ts");
    await writeFile(
      file,
      `import { serve } from ${JSON.stringify(module)};\nconst options = { port: 0 };${APP}`,
    );
    // Deno asks only where somebody could answer: at a terminal.
    const run = `${process.execPath} run --quiet --allow-net ${file}`;
    await using program = await spawnProgram(script!, ["-qefc", run, "/dev/null"], {
      stdin: "pipe",
      env: { NO_COLOR: "1", FORCE_COLOR: undefined },
    });
    const [, port] = await program.waitForLine("stdout", /on 127\.0\.0\.1:(\d+)/);
    await using peer = await RawPeer.connect({
      transport: "tcp",
      hostname: "127.0.0.1",
      port: Number(port),
    });
    assertEquals((await peer.fetch()).status, 200);
    assertEquals((await peer.fetch({ uri: "/throw" })).status, 500);
    assert(!/Deno requests|Allow\?/.test(program.stdout.text), program.stdout.text);
  });

  it("serve needs net, read and write for a Unix socket, each for its path alone", async () => {
    await using directory = await tempDir();
    const path = join(directory.path, "fcgi.sock");
    const needed = [`--allow-net=unix:${path}`, `--allow-read=${path}`, `--allow-write=${path}`];
    const source = `const options = { path: ${JSON.stringify(path)} };${APP}`;
    const others = ["env", "sys", "run", "ffi", "import"].map((name) => `--deny-${name}`);
    {
      await using app = await runScript(source, [], { denoPermissions: [...needed, ...others] });
      await app.program.waitForLine("stderr", /^Serving FastCGI on /);
      await using peer = await RawPeer.connect({ transport: "unix", path });
      assertEquals((await peer.fetch()).status, 200);
    }
    for (const missing of needed) {
      const denoPermissions = needed.filter((flag) => flag !== missing);
      await using app = await runScript(source, [], { denoPermissions });
      assertNotEquals((await app.program.exit).code, 0);
      assertStringIncludes(app.program.stderr.text, `Cannot listen on ${path}: `);
    }
  });

  for (const transport of ["tcp", "unix"]) {
    it(`ready rejects and says which flags are missing (${transport})`, async () => {
      await using directory = await tempDir();
      const path = join(directory.path, "fcgi.sock");
      const options = transport === "tcp" ? { port: 0 } : { path };
      const advice = transport === "tcp"
        ? "Run deno with --allow-net"
        : `--allow-read=${path} --allow-write=${path}`;
      await using app = await runScript(
        `const server = serve(${JSON.stringify(options)}, () => new Response());
        await server.ready.catch((error) => console.log(error.message));
        await server.finished;
        console.log("goes on");`,
        [],
        // One flag at least: without any, node:child_process gives a Deno it starts all
        // permissions.
        { denoPermissions: ["--deny-env"] },
      );
      assertEquals(await app.program.exit, { code: 0, signal: null }, app.program.stderr.text);
      assertStringIncludes(app.program.stdout.text, "Cannot listen on ");
      assertStringIncludes(app.program.stdout.text, advice);
      assertStringIncludes(app.program.stdout.text, "goes on");
    });
  }
});
