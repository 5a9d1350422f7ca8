/** What `onError` hears of faults that any peer can repeat as often as it likes. */
import { assertEquals, assertInstanceOf, assertMatch } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { FastCgiError } from "../../src/protocol/mod.ts";
import { Reports } from "../../src/server/application/reports.ts";
import { serve } from "../../mod.ts";
import { RawPeer } from "../runtime/_raw_peer.ts";
import { hello } from "./_handlers.ts";

const fault = (message: string) =>
  new FastCgiError("bad_record", message, { fault: "peer", connectionSurvives: false });

/** Replaces the clock of the reports. */
function withClock(body: (set: (time: number) => void, heard: string[]) => void): void {
  const { now } = performance;
  let time = 0;
  performance.now = () => time;
  try {
    body((next) => time = next, []);
  } finally {
    performance.now = now;
  }
}

describe("Reports.reportPeerFault", () => {
  it("tells of one fault a second, and of how many others there were", () => {
    withClock((set, heard) => {
      const reports = new Reports((error) => void heard.push((error as Error).message));
      reports.reportPeerFault(fault("First"));
      for (let time = 1; time < 1000; time++) {
        set(time);
        reports.reportPeerFault(fault(`At ${time}`));
      }
      assertEquals(heard, ["First"]);
      set(1000);
      reports.reportPeerFault(fault("Second"));
      assertEquals(heard, [
        "First",
        "Second (and 999 more faults before it, not reported one by one)",
      ]);
      set(2500);
      reports.reportPeerFault(fault("Third"));
      assertEquals(heard.length, 3);
      assertEquals(heard[2], "Third");
    });
  });

  it("tells of what was left out when there will be nothing else", () => {
    withClock((_, heard) => {
      const reports = new Reports((error) => void heard.push((error as Error).message));
      for (const name of ["a", "b", "c"]) reports.reportPeerFault(fault(name));
      reports.flush();
      reports.flush();
      assertEquals(heard, ["a", "c (and 1 more faults before it, not reported one by one)"]);
    });
  });

  it("keeps the code of a FastCgiError, and never leaves out a failure of the application", () => {
    withClock((set, _) => {
      const errors: unknown[] = [];
      const reports = new Reports((error) => void errors.push(error));
      reports.reportPeerFault(fault("a"));
      reports.reportPeerFault(fault("b"));
      reports.report(new Error("The handler's"));
      set(1000);
      reports.reportPeerFault(fault("c"));
      assertEquals(errors.length, 3);
      const last = errors[2];
      assertInstanceOf(last, FastCgiError);
      assertEquals([last.code, last.fault, last.connectionSurvives], ["bad_record", "peer", false]);
      assertMatch(last.message, /^c \(and 1 more/);
    });
  });
});

describe("serve", () => {
  it("hears little of a flood of broken connections, counts them, and serves the others", async () => {
    const errors: unknown[] = [];
    const server = serve({
      port: 0,
      onListen: () => {},
      onError: (error) => void errors.push(error),
      fetch: hello,
    });
    const address = await server.ready;
    await using good = await RawPeer.connect(address);
    const started = performance.now();
    for (let round = 0; round < 200; round++) {
      await using bad = await RawPeer.connect(address);
      bad.send(new Uint8Array(8).fill(0xff));
      await bad.closing();
    }
    assertEquals((await good.fetch()).text, "Hello\n");
    good.end();
    await server.shutdown();
    const seconds = (performance.now() - started) / 1000;
    let counted = 0;
    for (const error of errors) {
      assertInstanceOf(error, FastCgiError);
      counted += 1 + Number(/\(and (\d+) more/.exec(error.message)?.[1] ?? 0);
    }
    assertEquals(counted, 200);
    // One at once, one for each second, and what was left at the end.
    assertEquals(errors.length <= seconds + 2, true, `${errors.length} in ${seconds} s`);
  });
});
