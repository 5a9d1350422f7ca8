/** What a peer that reads slowly, or not at all, does to a connection. The clock is the test's. */
import { assertEquals, assertGreater, assertLess } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { bytes } from "../_bytes.ts";
import { encodeGetValues } from "../../src/protocol/mod.ts";
import { MAX_UNSENT_BYTES } from "../../src/server/limits.ts";
import { Service } from "../../src/server/service.ts";
import { echoText, hello } from "./_handlers.ts";
import { ManualBody } from "./_manual_body.ts";
import { Peer } from "./_peer.ts";
import { quiet } from "./_quiet.ts";
import { Reply } from "./_reply.ts";
import { begin, openRequest, params, request, stdin } from "./_request.ts";
import { settle } from "./_settle.ts";
import { Recorder } from "./_recorder.ts";
import { Ticks } from "./_ticks.ts";

/** With a timeout of 1000 ms the clock ticks each 250 ms: it has not passed yet. */
const IN_TIME = 4;
const question = () => bytes(encodeGetValues(["FCGI_MAX_REQS"]));

describe("writeTimeout, tick by tick", () => {
  const options = { writeTimeout: 1000 };

  it("destroys a connection whose peer takes nothing, and aborts its requests", async () => {
    using ticks = new Ticks();
    const body = new ManualBody();
    const signals: AbortSignal[] = [];
    await using peer = new Peer((request) => {
      signals.push(request.signal);
      return signals.length > 1 ? new Promise<Response>(() => {}) : new Response(body.stream);
    }, { ...options, capacity: 1000 });
    const aborted = () => signals.map((signal) => signal.aborted);
    void peer.send(request(), request({ id: 3 }));
    body.push(new Uint8Array(100_000));
    await quiet(() => peer.writes.length);
    // The first tick sees what has been taken so far.
    ticks.tick(1 + IN_TIME);
    await quiet(() => peer.writes.length);
    assertEquals([peer.isServed, aborted()], [false, [false, false]]);
    ticks.tick();
    await peer.served;
    assertEquals(aborted(), [true, true]);
    assertEquals((await body.cancelled as Error).name, "AbortError");
    assertEquals(peer.takeErrors().map(String), [
      "FastCgiError: Cannot send any more: The web server has read nothing for 1000 ms",
    ]);
  });

  it("leaves a peer alone that takes a little now and then, however much waits", () => {
    using ticks = new Ticks();
    const service = new Service(hello, { ...options, onError: () => {} });
    const { connection, transport } = Recorder.accept(service);
    transport.takes = false;
    connection.receive(openRequest());
    connection.receive(question());
    for (let left = 1000; left > 0; left--) {
      transport.backlog = left;
      ticks.tick(1 + IN_TIME);
      assertEquals(transport.events, []);
    }
    // From here on it takes nothing.
    ticks.tick();
    assertEquals(transport.events, ["destroy"]);
  });

  it("is not put off by what is written behind what is not taken", () => {
    using ticks = new Ticks();
    const errors: unknown[] = [];
    const service = new Service(hello, { ...options, onError: (error) => void errors.push(error) });
    const { connection, transport } = Recorder.accept(service);
    transport.takes = false;
    for (let tick = 0; transport.events.length === 0; tick++) {
      assertLess(tick, IN_TIME + 3);
      connection.receive(question());
      for (const { content, padding } of transport.take()) {
        transport.backlog += 8 + content.length + padding;
      }
      ticks.tick();
    }
    assertEquals([transport.events, errors.length], [["destroy"], 1]);
  });

  it("ends a connection whose end does not leave, and no other", async () => {
    using ticks = new Ticks();
    const errors: unknown[] = [];
    const service = new Service(echoText, {
      ...options,
      onError: (error) => void errors.push(error),
    });
    const stuck = Recorder.accept(service);
    const other = Recorder.accept(service);
    stuck.transport.takes = false;
    stuck.connection.receive(request({ keep: false }));
    await settle();
    stuck.transport.backlog = 100;
    other.connection.receive(openRequest());
    ticks.tick(1 + IN_TIME);
    assertEquals(stuck.transport.events, ["end"]);
    ticks.tick();
    assertEquals(stuck.transport.events, ["end", "destroy"]);
    other.connection.receive(stdin("whole"));
    other.connection.receive(stdin());
    await settle();
    assertEquals(new Reply(other.transport.take()).text, "whole");
    other.connection.closed();
    assertEquals(errors.length, 1);
  });
});

describe("answers that nobody reads", () => {
  it("are bounded: from 1 MiB on the peer is not read until it reads", () => {
    using _ticks = new Ticks();
    const { connection, transport } = Recorder.accept(new Service(hello));
    transport.takes = false;
    let written = 0;
    while (transport.events.length === 0) {
      connection.receive(question());
      for (const { content, padding } of transport.take()) written += 8 + content.length + padding;
    }
    assertEquals(transport.events, ["pause"]);
    assertGreater(written, MAX_UNSENT_BYTES);
    assertLess(written, MAX_UNSENT_BYTES + 100);
    transport.takes = true;
    connection.drained();
    assertEquals(transport.events, ["pause", "resume"]);
    connection.closed();
  });

  it("do not keep the peer's own end unseen once they have left", async () => {
    using _ticks = new Ticks();
    const { connection, transport } = Recorder.accept(new Service(hello));
    transport.takes = false;
    connection.receive(begin({ keep: false }));
    while (transport.events.length === 0) connection.receive(question());
    connection.receive(params());
    await settle();
    assertEquals(transport.events, ["pause", "end"]);
    transport.ended();
    assertEquals(transport.events, ["pause", "end", "resume"]);
    connection.receiveEnd();
    assertEquals(transport.events.at(-1), "destroy");
  });
});
