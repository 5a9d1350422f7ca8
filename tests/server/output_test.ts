/** Answers that a peer reads slowly, or not at all, and what a connection holds of them. */
import { assertEquals, assertGreater, assertLess } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { MAX_UNSENT_BYTES } from "../../src/server/connection/output.ts";
import { Service } from "../../src/server/service.ts";
import { hello } from "./_handlers.ts";
import { Recorder } from "./_recorder.ts";
import { begin, params, question } from "./_request.ts";
import { settle } from "./_settle.ts";
import { Ticks } from "./_ticks.ts";

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
