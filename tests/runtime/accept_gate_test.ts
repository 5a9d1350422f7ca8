/** When a listening socket is closed: behind those who wait, and some time in any case. */
import { listenGated } from "../../src/runtime/listen/accept_gate.ts";
import {
  type AcceptSocket,
  IGNORE_EVENTS,
  type Socket,
} from "../../src/runtime/listen/listener.ts";
import { assertEquals, assertGreaterOrEqual, assertLess } from "../_assert.ts";
import { describe, it } from "../_harness.ts";

const NO_SOCKET = {} as Socket;
/** More turns of the event loop without anybody than are waited for. */
const MANY = 100;

/** A listener that one comes to each time the event loop has come round so often. */
async function listenTo(turns: readonly number[]) {
  const accepted: Socket[] = [];
  let gate: AcceptSocket = () => IGNORE_EVENTS;
  let isClosed = false;
  const listener = await listenGated((accept) => {
    gate = accept;
    return {
      address: { transport: "unix", path: "" },
      close: () => Promise.resolve(void (isClosed = true)),
      ref() {},
      unref() {},
    };
  }, (socket) => {
    accepted.push(socket);
    return IGNORE_EVENTS;
  });
  const come = async () => {
    for (let i = 0; !isClosed; i++) {
      const count = turns[Math.min(i, turns.length - 1)]!;
      for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setTimeout(resolve));
      if (!isClosed) gate(NO_SOCKET);
    }
  };
  const start = performance.now();
  const coming = come();
  await listener.close();
  const waited = performance.now() - start;
  await coming;
  return { waited, accepted: accepted.length };
}

describe("listenGated", () => {
  it("closes when nobody has come for some turns of the event loop", async () => {
    // However long the turns take: a busy machine is not what is tested.
    const { now } = performance;
    performance.now = () => 0;
    try {
      const { accepted } = await listenTo([0, 1, 2, 3, 4, 5, MANY]);
      assertEquals(accepted, 6);
    } finally {
      performance.now = now;
    }
  });

  it("closes sooner than that when it has waited for a while already", async () => {
    const { waited } = await listenTo([6]);
    assertGreaterOrEqual(waited, 100);
    assertLess(waited, 1_900);
  });

  it("closes although every turn brings somebody", async () => {
    const { waited } = await listenTo([1]);
    assertGreaterOrEqual(waited, 1_900);
    assertLess(waited, 4_000);
  });
});
