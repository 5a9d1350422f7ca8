/** Several processes of `node:cluster` on one address, as `node:http` has it there. */
import { existsSync } from "node:fs";
import { link, lstat, readdir, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { serve, type ServeAddress } from "../../mod.ts";
import { assertEquals, assertNotEquals, assertStringIncludes } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { freePort, tempDir, waitUntil } from "../_runtime.ts";
import { RawPeer } from "./_raw_peer.ts";
import { runScript, type Script } from "./_script.ts";

const CLUSTER = `
import cluster from "node:cluster";
import process from "node:process";
if (cluster.isPrimary) {
  let left = 2;
  const workers = [cluster.fork(), cluster.fork()];
  cluster.on("exit", () => {
    console.log("gone");
    if (--left === 0) process.exit();
  });
  process.on("SIGINT", () => process.kill(workers.pop().process.pid, "SIGTERM"));
} else {
  const options = { ...JSON.parse(process.argv[2]), onListen: (address) => {
    console.log("listens on " + JSON.stringify(address));
  } };
  const server = serve(options, () => new Response(String(process.pid)));
  server.ready.catch((error) => {
    console.log("no: " + error.message);
    process.exit(1);
  });
}`;

function startCluster(options: object): Promise<Script> {
  return runScript(CLUSTER, [JSON.stringify(options)], { denoPermissions: ["-A"] });
}

/**
 * Waits for a number of lines on standard output, and resolves with what stands behind their
 * beginning.
 */
async function lines({ program }: Script, start: string, count: number): Promise<string[]> {
  const find = () => program.stdout.lines.filter((line) => line.startsWith(start));
  await waitUntil(() => find().length >= count, {
    what: `${count} lines with "${start}": ${program.stdout.text}${program.stderr.text}`,
    timeout: 20_000,
  });
  return find().map((line) => line.slice(start.length));
}

async function ask(address: ServeAddress): Promise<string> {
  await using peer = await RawPeer.connect(address);
  return (await peer.fetch({ keep: false })).text;
}

/** Asks until `count` processes have answered. */
async function answering(address: ServeAddress, count: number): Promise<Set<string>> {
  const pids = new Set<string>();
  await waitUntil(async () => pids.add(await ask(address)).size >= count, {
    what: `answers from ${count} processes`,
  });
  return pids;
}

/** Leaves a socket behind at `path`, as a program does that is killed. */
async function leaveBehind(path: string): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(`${path}.other`, resolve));
  await link(`${path}.other`, path);
  await new Promise((resolve) => server.close(resolve));
}

describe("serve in the workers of a cluster", () => {
  for (const place of ["port", "port 0", "path", "stale path"]) {
    it(`shares a ${place}, and goes on with those that are left`, { timeout: 40_000 }, async () => {
      await using directory = await tempDir();
      const path = join(directory.path, "fcgi.sock");
      if (place === "stale path") await leaveBehind(path);
      const options = place === "port"
        ? { port: await freePort() }
        : place === "port 0"
        ? { port: 0 }
        : { path, mode: 0o640 };
      await using app = await startCluster(options);
      const [first, second] = await lines(app, "listens on ", 2);
      assertEquals(first, second);
      const address: ServeAddress = JSON.parse(first!);
      await answering(address, 2);
      if ("path" in options) assertEquals((await lstat(path)).mode & 0o777, 0o640);
      app.program.kill("SIGINT");
      await lines(app, "gone", 1);
      assertEquals((await answering(address, 1)).size, 1);
      app.program.kill("SIGINT");
      await lines(app, "gone", 2);
      assertEquals((await app.program.exit).code, 0, app.program.stderr.text);
      assertEquals(await readdir(directory.path), []);
    });
  }

  it("leaves a path to another program that listens there", { timeout: 40_000 }, async () => {
    await using directory = await tempDir();
    const path = join(directory.path, "fcgi.sock");
    await using server = serve({ path, onListen() {} }, () => new Response("other"));
    await server.ready;
    await using app = await startCluster({ path });
    for (const line of await lines(app, "no: ", 2)) {
      assertStringIncludes(
        line,
        `Cannot listen on ${path}: EADDRINUSE. Another program is listening`,
      );
    }
    await app.program.exit;
    assertEquals(await ask({ transport: "unix", path }), "other");
  });

  it("leaves a file alone", { timeout: 40_000 }, async () => {
    await using directory = await tempDir();
    const path = join(directory.path, "fcgi.sock");
    await writeFile(path, "precious");
    await using app = await startCluster({ path });
    for (const line of await lines(app, "no: ", 2)) {
      assertStringIncludes(line, "There is a file that is no socket, which is left alone");
    }
    assertNotEquals(existsSync(path), false);
  });
});
