/**
 * That nothing that happens to connections ends the listener: no descriptor left, accept(2)
 * failing, resets at any byte.
 */
import { assertEquals, assertLess, assertLessOrEqual } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { serve } from "../../mod.ts";
import { type Program, spawnProgram, tempDir, waitUntil, which } from "../_runtime.ts";
import { cpuOf, descriptorsOf, skipProc, startServer } from "../load/_server.ts";
import { RawPeer, request } from "./_raw_peer.ts";

/** A limit that every runtime can start under, and a test can use up. */
const DESCRIPTORS = 64;
/** How many connections are reset together. */
const AT_ONCE = 20;
const strace = await which("strace");
const skipPrlimit = skipProc || (await which("prlimit") === null && "prlimit is not installed");
/** Only Linux gives a number to what strace can make a call fail with. */
const skipStrace = skipProc || (strace === null ? "strace is not installed" : await whyNoStrace());

describe(
  "a listener that has no file descriptor left",
  { skip: skipPrlimit, timeout: 60_000 },
  () => {
    for (const transport of ["unix", "tcp"] as const) {
      it(`serves those it has, tells so, does not spin, and accepts again (${transport})`, async () => {
        await using directory = await tempDir();
        await using server = await startServer(
          [transport === "unix" ? `path=${directory.path}/fcgi.sock` : "port=0"],
          { descriptors: DESCRIPTORS },
        );
        const address = await addressOf(server, directory.path);
        await using first = await RawPeer.connect(address);
        assertEquals(await ask(first), "small\n");

        const started = performance.now();
        const peers = await Promise.all(
          Array.from({ length: 2 * DESCRIPTORS }, () => RawPeer.connect(address)),
        );
        for (const peer of peers) peer.send(request({ uri: "/small" }));
        const reports = () => server.stderr.lines.filter((line) => line.startsWith("onError"));
        await waitUntil(() => reports().length > 0, { what: "a report" });
        assertEquals(await descriptorsOf(server.pid) >= DESCRIPTORS - 1, true);
        assertEquals(await ask(first), "small\n");
        const before = await cpuOf(server.pid);
        const reported = reports().length;
        await waitUntil(() => reports().length > reported, { what: "one more report" });
        // A second, of which one that tries again and again takes half and more on a processor that
        // it has to itself.
        assertLess(await cpuOf(server.pid) - before, 250);
        const seconds = (performance.now() - started) / 1000;
        assertLessOrEqual(reports().length, Math.ceil(seconds) + 1);
        for (const line of reports()) assertEquals(line.includes("EMFILE"), true, line);

        await Promise.all(peers.map((peer) => peer[Symbol.asyncDispose]()));
        await waitUntil(async () => await descriptorsOf(server.pid) < DESCRIPTORS / 2 + 10);
        for (let count = 0; count < 3; count++) {
          await using fresh = await RawPeer.connect(address);
          assertEquals(await ask(fresh), "small\n");
        }
        assertEquals(await ask(first), "small\n");
        await first[Symbol.asyncDispose]();
        server.kill("SIGTERM");
        assertEquals(await server.exit, { code: 0, signal: null });
      });
    }
  },
);

describe("a listener whose accept fails", { skip: skipStrace, timeout: 60_000 }, () => {
  for (const error of ["ECONNABORTED", "EMFILE", "ENFILE", "ENOBUFS"]) {
    it(`goes on after ${error}`, async () => {
      await using directory = await tempDir();
      const path = `${directory.path}/fcgi.sock`;
      await using server = await startServer([`path=${path}`]);
      await using tracer = await spawnProgram(strace!, [
        ...["-f", "-p", String(server.pid), "-e", "trace=accept,accept4", "-o", "/dev/null"],
        ...["-e", `inject=accept,accept4:error=${error}:when=2..3`],
      ]);
      await waitUntil(() => tracer.stderr.text.includes("attached"), { what: "strace" });
      for (let count = 0; count < 6; count++) {
        await using peer = await RawPeer.connect({ transport: "unix", path });
        // One may be taken and closed for want of a descriptor; none may wait for ever.
        peer.send(request({ uri: "/small" }));
        await peer.replyOrEnd();
      }
      await using last = await RawPeer.connect({ transport: "unix", path });
      assertEquals(await ask(last), "small\n");
    });
  }
});

describe("a server whose connections are reset", { timeout: 60_000 }, () => {
  it("hears of no failure, and answers the next, whichever byte was the last", async () => {
    const errors: unknown[] = [];
    let aborted = 0;
    await using server = serve({
      port: 0,
      onListen() {},
      onError: (error) => void errors.push(error),
    }, async (request) => {
      try {
        return new Response(`${(await request.text()).length}`);
      } catch {
        aborted++;
        return new Response(null, { status: 400 });
      }
    });
    const address = await server.ready;
    const bytes = request({
      method: "POST",
      body: new Uint8Array(9),
      params: { CONTENT_LENGTH: "9" },
    });
    await using witness = await RawPeer.connect(address);
    const send = async (length: number) => {
      const peer = await RawPeer.connect(address);
      peer.send(bytes.subarray(0, length));
      return peer;
    };
    for (let start = 0; start <= bytes.length; start += AT_ONCE) {
      const lengths = Array.from({ length: AT_ONCE }, (_, index) => start + index);
      for (const peer of await Promise.all(lengths.map(send))) peer.reset();
      const seen = await Promise.all(lengths.map(send));
      // By the time this is answered, they have been read to where they stand.
      assertEquals((await witness.fetch()).text, "0", `after ${start} bytes or more`);
      for (const peer of seen) peer.reset();
    }
    await using fresh = await RawPeer.connect(address);
    fresh.send(bytes);
    assertEquals((await fresh.reply()).text, "9");
    await fresh[Symbol.asyncDispose]();
    await witness[Symbol.asyncDispose]();
    await server.shutdown();
    assertEquals(errors, []);
    assertLess(0, aborted);
  });
});

async function ask(peer: RawPeer): Promise<string> {
  return (await peer.fetch({ uri: "/small" })).text;
}

async function addressOf(server: Program, directory: string) {
  const [, port] = await server.waitForLine(
    "stderr",
    /^Serving FastCGI on (?:127\.0\.0\.1:(\d+)|\/.*)/,
  );
  return port === undefined
    ? { transport: "unix", path: `${directory}/fcgi.sock` } as const
    : { transport: "tcp", hostname: "127.0.0.1", port: Number(port) } as const;
}

async function whyNoStrace(): Promise<string | false> {
  const { exit } = await spawnProgram(strace!, ["-o", "/dev/null", "true"]);
  return (await exit).code !== 0 && "strace may not trace here";
}
