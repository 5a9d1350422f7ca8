/** Programs whose standard error is full, closed or broken, and what they print where it is not. */
import { join } from "node:path";
import { assertEquals, assertMatch } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { type Program, tempDir, waitUntil, which } from "../_runtime.ts";
import { descriptorsOf, skipProc } from "../load/_server.ts";
import { RawPeer } from "./_raw_peer.ts";
import { runScript } from "./_script.ts";
import { redirected } from "./_starters.ts";

/**
 * An application that has much to say: at the start, of handlers and bodies, late, and of peers.
 */
const TALKATIVE = `
let late = () => {};
const server = serve({ path: process.argv[2] }, (request, info) => {
  const { pathname } = new URL(request.url);
  if (pathname === "/throw") throw new Error("thrown\\nforged");
  if (pathname === "/null") throw Object.create(null);
  if (pathname === "/late") late();
  late = () => info.log("late");
  return new Response("fine");
});
console.log("listens", (await server.ready).path);
`;
const PROCESS = `import process from "node:process";`;
const DENO = ["--allow-net", "--allow-read", "--allow-write"];

/** How standard error is unusable. */
const WAYS: [name: string, starter: string[], afterwards: (program: Program) => void][] = [
  ["is full", redirected("2>/dev/full"), () => {}],
  ["is closed", redirected("2>&-"), () => {}],
  ["is a pipe that nobody reads any more", [], ({ process }) => process.stderr!.destroy()],
];

describe("a program whose standard error", { timeout: 30_000 }, () => {
  for (const [name, starter, breakIt] of WAYS) {
    it(`${name} listens, answers, and ends as it should`, async () => {
      await using directory = await tempDir();
      const path = join(directory.path, "fcgi.sock");
      const options = { starter, denoPermissions: DENO };
      await using script = await runScript(PROCESS + TALKATIVE, [path], options);
      const { program } = script;
      breakIt(program);
      await program.waitForLine("stdout", /^listens /);
      await using peer = await RawPeer.connect({ transport: "unix", path });
      // Node meets a second write that fails in another way than the first.
      for (let round = 0; round < 5; round++) {
        assertEquals((await peer.fetch({ uri: "/throw" })).status, 500);
        assertEquals((await peer.fetch({ uri: "/null" })).status, 500);
        assertEquals((await peer.fetch({ uri: "/late" })).text, "fine");
        await using bad = await RawPeer.connect({ transport: "unix", path });
        bad.send(new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"));
        await bad.closing();
      }
      await peer[Symbol.asyncDispose]();
      program.kill("SIGTERM");
      assertEquals(await program.exit, { code: 0, signal: null });
    });
  }
});

describe("a program without onError", { timeout: 30_000 }, () => {
  it("prints of a failure what it is and where, and nobody forges a line", async () => {
    await using directory = await tempDir();
    const path = join(directory.path, "fcgi.sock");
    const options = { denoPermissions: DENO };
    await using script = await runScript(PROCESS + TALKATIVE, [path], options);
    const { program } = script;
    await program.waitForLine("stdout", /^listens /);
    await using peer = await RawPeer.connect({ transport: "unix", path });
    await peer.fetch({ uri: "/throw" });
    await program.waitForLine("stderr", /^Error: thrown forged$/);
    await program.waitForLine("stderr", /^ {4}at .*app\.ts/);
    await peer.fetch({ uri: "/null" });
    await program.waitForLine("stderr", /^Uncaught Object \{\}$/);
    for (const uri of ["/", "/late"]) await peer.fetch({ uri });
    await program.waitForLine("stderr", /^late$/);
  });

  for (
    const [protocol, bytes, pattern] of [
      ["HTTP", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", /^Cannot read a record: .* speaks HTTP, not F/],
      ["TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", /^Cannot .* speaks TLS, not FastCGI/],
    ] as const
  ) {
    it(`says one sentence of ${protocol} on its port, without a stack`, async () => {
      await using script = await runScript(`serve({ port: 0 }, () => new Response());`);
      await using peer = await RawPeer.connect(await script.address());
      peer.send(Uint8Array.from(bytes, (character) => character.charCodeAt(0)));
      await peer.closing();
      await script.program.waitForLine("stderr", pattern);
      await peer[Symbol.asyncDispose]();
      script.program.kill("SIGTERM");
      assertEquals(await script.program.exit, { code: 0, signal: null });
      assertEquals(script.program.stderr.lines.length, 2, script.program.stderr.text);
    });
  }
});

const skipPrlimit = skipProc || (await which("prlimit") === null && "prlimit is not installed");
/** A limit that every runtime can start under, and a test can use up. */
const DESCRIPTORS = 64;

/** Starts a program that has 64 descriptors, and uses them up with connections that say nothing. */
async function startLacking(source: string) {
  const directory = await tempDir();
  const path = join(directory.path, "fcgi.sock");
  const starter = ["prlimit", `--nofile=${DESCRIPTORS}`];
  // All permissions: with fewer Deno has less to look at when it formats an error.
  const options = { starter, denoPermissions: ["-A"] };
  const script = await runScript(PROCESS + source, [path], options);
  await script.program.waitForLine("stdout", /^listens /);
  const witness = await RawPeer.connect({ transport: "unix", path });
  assertEquals((await witness.fetch({ uri: "/" })).text, "fine");
  const peers = await Promise.all(
    Array.from({ length: 100 }, () => RawPeer.connect({ transport: "unix", path })),
  );
  return {
    program: script.program,
    witness,
    /** Gives the descriptors back, and ends the program. */
    async end() {
      await Promise.all(peers.map((peer) => peer[Symbol.asyncDispose]()));
      await waitUntil(async () => await descriptorsOf(script.program.pid) < DESCRIPTORS / 2 + 10);
      await using fresh = await RawPeer.connect({ transport: "unix", path });
      assertEquals((await fresh.fetch({ uri: "/" })).text, "fine");
      await fresh[Symbol.asyncDispose]();
      await witness[Symbol.asyncDispose]();
      script.program.kill("SIGTERM");
      assertEquals(await script.program.exit, { code: 0, signal: null });
    },
    async [Symbol.asyncDispose]() {
      for (const peer of [witness, ...peers]) await peer[Symbol.asyncDispose]();
      await script[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
    },
  };
}

describe("a program without a file descriptor left", { skip: skipPrlimit, timeout: 60_000 }, () => {
  it("prints that, and what its handlers throw, and goes on", async () => {
    await using lacking = await startLacking(TALKATIVE);
    const { program, witness } = lacking;
    await program.waitForLine("stderr", /^Cannot accept connections: no file descriptor is left/);
    for (let round = 0; round < 3; round++) {
      assertEquals((await witness.fetch({ uri: "/throw" })).status, 500);
    }
    await waitUntil(() =>
      program.stderr.lines.filter((line) => line === "Error: thrown forged").length === 3
    );
    assertMatch(program.stderr.text, /EMFILE/);
    await lacking.end();
  });

  it("logs what its handlers throw without a stack that Deno would crash of", async () => {
    // The stack of this error leads through files of the library, which Deno would have to read.
    await using lacking = await startLacking(`
      let lack;
      const server = serve({
        path: process.argv[2],
        onError(error) {
          if (lack === undefined) console.log("lacks");
          lack = error;
        },
      }, () => {
        if (lack !== undefined) throw lack;
        return new Response("fine");
      });
      console.log("listens", (await server.ready).path);
    `);
    const { program, witness } = lacking;
    await program.waitForLine("stdout", /^lacks$/);
    for (let round = 0; round < 3; round++) {
      const { status, stderr } = await witness.fetch({ uri: "/" });
      assertEquals(status, 500);
      assertMatch(stderr, /^Error: Cannot accept connections: no file descriptor is left \(EMFILE/);
    }
  });
});
