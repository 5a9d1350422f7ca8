/** How connections and listening sockets are closed: behind all that is owed, and soon. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { serve, type ServeAddress } from "../../mod.ts";
import { encodeStream, RecordType } from "../../src/protocol/mod.ts";
import { assertEquals, assertGreater, assertLess } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { tempDir } from "../_runtime.ts";
import { RawPeer, request, requestHead } from "./_raw_peer.ts";
import { runScript } from "./_script.ts";

/** An answer that the system takes as a whole, and its peer not before it reads. */
const ANSWER = new Uint8Array(100_000).fill(7);
/** More than both sockets take: it comes when the answer has left. */
const UPLOAD = new Uint8Array(8_000_000);
/** Connections at once: fewer than the system queues. */
const CROWD = 100;
/** How long a shutdown takes at the most where nobody is waited for, in milliseconds. */
const SOON = 1_000;

for (const transport of ["tcp", "unix"] as const) {
  describe(`a connection that ends, on a ${transport} socket`, () => {
    const start = async () => {
      const directory = await tempDir();
      const where = transport === "tcp" ? { port: 0 } : { path: join(directory.path, "s") };
      const server = serve({ ...where, onListen: () => {} }, () => new Response(ANSWER));
      const address = await server.ready;
      return {
        server,
        address,
        async [Symbol.asyncDispose]() {
          await server.shutdown();
          await directory[Symbol.asyncDispose]();
        },
      };
    };
    const isWhole = (body: Uint8Array) => body.length === ANSWER.length && body.at(-1) === 7;

    it("does not make a shutdown wait for peers that hold theirs", async () => {
      await using app = await start();
      await using kept = await RawPeer.connect(app.address);
      await kept.fetch();
      await using asked = await RawPeer.connect(app.address);
      await asked.fetch({ keep: false });
      const begin = performance.now();
      await app.server.shutdown();
      assertLess(performance.now() - begin, SOON);
      assertEquals([await kept.closing(), await asked.closing()], ["end", "end"]);
    });

    it("is closed before its peer has read the answer, and takes none of it away", async () => {
      for (const keep of [true, false]) {
        await using app = await start();
        await using peer = await RawPeer.connect(app.address);
        peer.pause();
        peer.send(request({ keep }));
        await using witness = await RawPeer.connect(app.address);
        await witness.fetch();
        await app.server.shutdown();
        assertLess(peer.received, ANSWER.length);
        peer.resume();
        assertEquals(isWhole((await peer.reply()).body), true);
        assertEquals(await peer.closing(), "end");
      }
    });

    it("does not take the answer away under an upload", async () => {
      await using app = await start();
      await using peer = await RawPeer.connect(app.address);
      peer.pause();
      peer.send(requestHead({ method: "POST", keep: false }));
      await using witness = await RawPeer.connect(app.address);
      await witness.fetch();
      await peer.sendSlowly(encodeStream(RecordType.STDIN, 1, UPLOAD));
      peer.resume();
      assertEquals(isWhole((await peer.reply()).body), true);
      assertEquals(await peer.closing(), "end");
    });
  });

  describe(`a listening ${transport} socket that is closed`, () => {
    it("answers all who have connected while the program was busy", async () => {
      await using directory = await tempDir();
      const path = join(directory.path, "s");
      const file = join(directory.path, "free");
      const where = transport === "tcp" ? "port: 0" : `path: ${JSON.stringify(path)}`;
      await using app = await runScript(
        `import { existsSync } from "node:fs";
        serve({ ${where} }, (request) => {
          const { pathname } = new URL(request.url);
          if (pathname === "/busy") {
            console.log("busy");
            while (!existsSync(${JSON.stringify(file)}));
          }
          return new Response(pathname);
        });`,
        [],
        { denoPermissions: ["--allow-net", "--allow-read", "--allow-write"] },
      );
      await app.program.waitForLine("stderr", /^Serving FastCGI on /);
      const address: ServeAddress = transport === "tcp"
        ? await app.address()
        : { transport: "unix", path };
      await using busy = await RawPeer.connect(address);
      busy.send(request({ uri: "/busy" }));
      await app.program.waitForLine("stdout", /^busy$/);
      const crowd = await Promise.all(
        Array.from({ length: CROWD }, () => RawPeer.connect(address)),
      );
      crowd.forEach((peer, i) => peer.send(request({ uri: `/${i}`, keep: i % 2 === 0 })));
      app.program.kill("SIGTERM");
      await writeFile(file, "");
      const replies = await Promise.all(crowd.map((peer) => peer.replyOrEnd()));
      assertEquals(replies.map((reply) => reply?.text), crowd.map((_, i) => `/${i}`));
      assertEquals((await busy.reply()).text, "/busy");
      assertEquals(await app.program.exit, { code: 0, signal: null }, app.program.stderr.text);
      for (const peer of crowd) await peer[Symbol.asyncDispose]();
    });
  });
}

describe("a listening TCP socket that is closed", () => {
  it("is closed although others keep connecting", async () => {
    await using app = await runScript(`serve({ port: 0 }, () => new Response("answer"));`);
    const address = await app.address();
    let answers = 0;
    // Each lane connects again as soon as it has its answer, until nobody listens.
    const lane = async () => {
      for (;;) {
        const peer = await RawPeer.connect(address).catch(() => undefined);
        if (peer === undefined) return;
        peer.send(request({ keep: false }));
        if (await peer.replyOrEnd() !== null) answers++;
        await peer[Symbol.asyncDispose]();
      }
    };
    const lanes = Array.from({ length: 32 }, lane);
    while (answers < 500) await new Promise((resolve) => setTimeout(resolve, 5));
    app.program.kill("SIGTERM");
    assertEquals(await app.program.exit, { code: 0, signal: null }, app.program.stderr.text);
    await Promise.all(lanes);
    assertGreater(answers, 500);
  });
});
