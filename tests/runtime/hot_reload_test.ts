/**
 * `bun --hot`, which runs the modules of a program again in the same process when a file has
 * changed.
 */
import { existsSync } from "node:fs";
import { open, readdir } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import type { ServeAddress } from "../../mod.ts";
import { assert, assertEquals, assertMatch } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { freePort, type Program, runtime, spawnProgram, tempDir } from "../_runtime.ts";
import { RawPeer } from "./_raw_peer.ts";
import { listening, type Place, skipListening } from "./_starters.ts";

const MODULE = new URL("../../mod.ts", import.meta.url).href;
const skip = runtime !== "bun" && "Only Bun has --hot";

async function ask(address: ServeAddress): Promise<string> {
  await using peer = await RawPeer.connect(address);
  return (await peer.fetch({ keep: false })).text;
}

/** Whether who connects is turned away. */
async function isRefused(address: ServeAddress): Promise<boolean> {
  try {
    await using peer = await RawPeer.connect(address);
    await peer.closing();
    return peer.received === 0;
  } catch (error) {
    // It may have come before the connection was looked at.
    return (error as { code?: string }).code === "ECONNRESET";
  }
}

/** A program whose file can be written anew. */
async function startHot(directory: string, source: string, starter: string[] = []) {
  const file = join(directory, "app.ts");
  // Bun looks at the file that was there, and runs it at every change: so it is written over, at
  // once.
  const write = async (source: string) => {
    const text = `import { serve } from ${JSON.stringify(MODULE)};\n${source}\n`;
    assert(text.length < FILE_BYTES);
    const handle = await open(file, existsSync(file) ? "r+" : "w");
    await handle.write(text.padEnd(FILE_BYTES), 0);
    await handle.close();
  };
  await write(source);
  const [command, ...args] = [...starter, process.execPath, "--hot", file];
  const program: Program = await spawnProgram(command!, args, {
    env: { NO_COLOR: "1", FORCE_COLOR: undefined },
  });
  return { program, write };
}

/**
 * Every version of a program has this length: a file that is cut short first would be run in
 * between.
 */
const FILE_BYTES = 2_000;

/** What has a version of the program say that it listens. */
function telling(version: string): string {
  return `onListen: () => console.log("${version} listens")`;
}

/** Waits until a version listens. */
async function listens(program: Program, version: string): Promise<void> {
  await program.waitForLine("stdout", new RegExp(`^${version} listens$`));
}

describe("bun --hot", { skip, timeout: 30_000 }, () => {
  const places = ["path", "port", "inherited"];
  for (const kind of places) {
    it(`has the new handler answer on the same address (${kind})`, {
      skip: skip || kind === "inherited" && skipListening,
    }, async () => {
      await using directory = await tempDir();
      await using sockets = await tempDir();
      const path = join(sockets.path, "fcgi.sock");
      const place: Place = kind === "port" ? { port: await freePort() } : { path };
      const address: ServeAddress = "port" in place
        ? { transport: "tcp", hostname: "127.0.0.1", port: place.port }
        : { transport: "unix", path };
      const own = JSON.stringify(kind === "inherited" ? {} : place);
      const source = (text: string) =>
        `serve({ ...${own}, ${telling(text)} }, () => new Response("${text}"));`;
      const starter = kind === "inherited" ? listening(place) : [];
      const { program, write } = await startHot(directory.path, source("one"), starter);
      await using _program = program;
      await listens(program, "one");
      assertEquals(await ask(address), "one");
      await using kept = await RawPeer.connect(address);
      assertEquals((await kept.fetch()).text, "one");
      for (const text of ["two", "three"]) {
        await write(source(text));
        await listens(program, text);
        assertEquals(await ask(address), text);
      }
      // The old handler does not go on on a connection either.
      assertEquals(await kept.closing(), "end");
      // One server is left.
      program.kill();
      assertEquals(await program.exit, { code: 0, signal: null }, program.stderr.text);
      assertEquals(await readdir(sockets.path), kind === "inherited" ? ["fcgi.sock"] : []);
      assertEquals(/EADDRINUSE|rror:/.test(program.stderr.text), false, program.stderr.text);
    });
  }

  it("answers what is in flight with the old handler, and holds the new list", async () => {
    await using directory = await tempDir();
    const address: ServeAddress = {
      transport: "tcp",
      hostname: "127.0.0.1",
      port: await freePort(),
    };
    const source = (version: string, list: string, answer: string) =>
      `globalThis.gate ??= Promise.withResolvers();
      const options = { port: ${address.port}, webServerAddrs: ["${list}"], ${telling(version)} };
      serve(options, async () => { ${answer} });`;
    const slow = `console.log("waits"); await globalThis.gate.promise; return new Response("old");`;
    const { program, write } = await startHot(directory.path, source("one", "127.0.0.1", slow));
    await using _program = program;
    await listens(program, "one");
    await using peer = await RawPeer.connect(address);
    const reply = peer.fetch({ keep: false });
    await program.waitForLine("stdout", /^waits$/);
    await write(source("two", "10.0.0.1", `return new Response("new");`));
    await listens(program, "two");
    assertEquals(await isRefused(address), true);
    const last = source("three", "127.0.0.1", `return new Response("new");`);
    await write(`${last}
globalThis.gate.resolve();`);
    await listens(program, "three");
    assertEquals((await reply).text, "old");
    assertEquals(await ask(address), "new");
  });

  it("goes on with each of two servers", async () => {
    await using directory = await tempDir();
    const ports = [await freePort(), await freePort()];
    const source = (text: string) =>
      ports.map((port) =>
        `serve({ port: ${port}, ${
          telling(`${text} ${port}`)
        } }, () => new Response("${text} ${port}"));`
      ).join("\n");
    const { program, write } = await startHot(directory.path, source("one"));
    await using _program = program;
    for (const port of ports) await listens(program, `one ${port}`);
    await write(source("two"));
    for (const port of ports) await listens(program, `two ${port}`);
    for (const port of ports) {
      const address = { transport: "tcp", hostname: "127.0.0.1", port } as const;
      assertMatch(await ask(address), new RegExp(`^two ${port}$`));
    }
  });
});
