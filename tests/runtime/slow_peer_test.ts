/**
 * A web server that reads slowly, over a socket: it is not one that reads nothing. The clock is the
 * test's.
 */
import { join } from "node:path";
import { serve } from "../../mod.ts";
import { assertEquals, assertGreater } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { tempDir } from "../_runtime.ts";
import { Ticks } from "../server/_ticks.ts";
import { RawPeer, request } from "./_raw_peer.ts";

/** With a timeout of 1000 ms the clock ticks each 250 ms: it has not passed yet. */
const IN_TIME = 4;
/**
 * Answers at once on one connection: together far more than the system keeps of a Unix socket (208
 * KiB).
 */
const COUNT = 60;
const LENGTH = 64_000;
/**
 * What the peer reads at a time: more than the system keeps, so the server's socket has taken some
 * of it meanwhile.
 */
const STEP = 400_000;

describe("writeTimeout, on a Unix socket", () => {
  it("does not end a connection whose peer reads now and then, with many answers waiting", async () => {
    using ticks = new Ticks();
    await using directory = await tempDir();
    const errors: unknown[] = [];
    await using server = serve({
      path: join(directory.path, "fcgi.sock"),
      writeTimeout: 1000,
      onListen: () => {},
      onError: (error) => void errors.push(error),
    }, () => new Response(new Uint8Array(LENGTH)));
    await using peer = await RawPeer.connect(await server.ready);
    peer.send(...Array.from({ length: COUNT }, (_, i) => request({ id: i + 1 })));
    let rounds = 0;
    for (let wanted = 1; wanted < COUNT * LENGTH; wanted = peer.received + STEP, rounds++) {
      peer.resume();
      await peer.until(() => peer.received >= wanted, `${wanted} bytes`);
      peer.pause();
      ticks.tick(IN_TIME);
      assertEquals([peer.ending, errors], [null, []]);
    }
    peer.resume();
    for (let id = 1; id <= COUNT; id++) assertEquals((await peer.reply(id)).body.length, LENGTH);
    assertGreater(rounds, IN_TIME);
    assertEquals(errors, []);
  });
});

for (const transport of ["tcp", "unix"] as const) {
  const place = transport === "tcp" ? "a TCP socket" : "a Unix socket";
  it(`a connection on ${place} ends behind all that its peer has not read yet`, async () => {
    await using directory = await tempDir();
    const ended = Promise.withResolvers<void>();
    let calls = 0;
    await using server = serve({
      ...(transport === "tcp" ? { port: 0 } : { path: join(directory.path, "fcgi.sock") }),
      onListen: () => {},
    }, (_, info) => {
      if (++calls === COUNT) info.completed.then(ended.resolve);
      return new Response(new Uint8Array(LENGTH).fill(calls));
    });
    await using peer = await RawPeer.connect(await server.ready);
    peer.pause();
    const last = (i: number) => i === COUNT - 1;
    peer.send(...Array.from({ length: COUNT }, (_, i) => request({ id: i + 1, keep: !last(i) })));
    // Everything has been written, and most of it waits in the server.
    await ended.promise;
    peer.resume();
    for (let id = 1; id <= COUNT; id++) {
      const { body } = await peer.reply(id);
      assertEquals([body.length, body[0], body[LENGTH - 1]], [LENGTH, id, id]);
    }
    assertEquals(await peer.closing(), "end");
    peer.end();
  });
}
