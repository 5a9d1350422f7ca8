/**
 * `bun --hot`, which runs the modules of a program again in the same process when a file has
 * changed.
 */
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import type { ServeAddress } from "../../mod.ts";
import { assertEquals, assertMatch, describe, it } from "../_harness.ts";
import { freePort, type Program, runtime, spawnProgram, tempDir, waitUntil } from "../_runtime.ts";
import { RawPeer } from "./_raw_peer.ts";
import { listening, type Place, skipListening } from "./_starters.ts";

const MODULE = new URL("../../mod.ts", import.meta.url).href;
const skip = runtime !== "bun" && "Only Bun has --hot";

async function ask(address: ServeAddress): Promise<string> {
  await using peer = await RawPeer.connect(address);
  return (await peer.fetch({ keep: false })).text;
}

/** A program whose file can be written anew. */
async function startHot(directory: string, source: string, starter: string[] = []) {
  const file = join(directory, "app.ts");
  const write = (source: string) =>
    writeFile(file, `import { serve } from ${JSON.stringify(MODULE)};\n${source}\n`);
  await write(source);
  const [command, ...args] = [...starter, process.execPath, "--hot", file];
  const program: Program = await spawnProgram(command!, args, {
    env: { NO_COLOR: "1", FORCE_COLOR: undefined },
  });
  return { program, write };
}

/** How often the program has said that it listens. */
async function starts(program: Program, count: number): Promise<void> {
  const find = () => program.stderr.lines.filter((line) => line.startsWith("Serving FastCGI on "));
  await waitUntil(() => find().length >= count, {
    what: `the start number ${count}: ${program.stderr.text}`,
  });
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
      const source = (text: string) => `serve(${own}, () => new Response("${text}"));`;
      const starter = kind === "inherited" ? listening(place) : [];
      const { program, write } = await startHot(directory.path, source("one"), starter);
      await using _program = program;
      await starts(program, 1);
      assertEquals(await ask(address), "one");
      await using kept = await RawPeer.connect(address);
      assertEquals((await kept.fetch()).text, "one");
      for (const [index, text] of ["two", "three"].entries()) {
        await write(source(text));
        await starts(program, index + 2);
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
    const source = (list: string, answer: string) =>
      `serve({ port: ${address.port}, webServerAddrs: ["${list}"] }, async () => {
        globalThis.gate ??= Promise.withResolvers();
        ${answer}
      });`;
    const slow = `console.log("waits"); await globalThis.gate.promise; return new Response("old");`;
    const { program, write } = await startHot(directory.path, source("127.0.0.1", slow));
    await using _program = program;
    await starts(program, 1);
    await using peer = await RawPeer.connect(address);
    const reply = peer.fetch({ keep: false });
    await program.waitForLine("stdout", /^waits$/);
    await write(source("10.0.0.1", `return new Response("new");`));
    await starts(program, 2);
    await using refused = await RawPeer.connect(address);
    refused.end();
    await refused.closing();
    assertEquals(refused.received, 0);
    await write(
      `globalThis.gate.resolve();\n${source("127.0.0.1", `return new Response("new");`)}`,
    );
    await starts(program, 3);
    assertEquals((await reply).text, "old");
    assertEquals(await ask(address), "new");
  });

  it("goes on with each of two servers", async () => {
    await using directory = await tempDir();
    const ports = [await freePort(), await freePort()];
    const source = (text: string) =>
      ports.map((port) => `serve({ port: ${port} }, () => new Response("${text} ${port}"));`)
        .join("\n");
    const { program, write } = await startHot(directory.path, source("one"));
    await using _program = program;
    await starts(program, 2);
    await write(source("two"));
    await starts(program, 4);
    for (const port of ports) {
      const address = { transport: "tcp", hostname: "127.0.0.1", port } as const;
      assertMatch(await ask(address), new RegExp(`^two ${port}$`));
    }
  });
});
