import { assert, assertEquals } from "../../_assert.ts";
import { describe, it } from "../../_harness.ts";
import { Supervisor } from "../../../src/cli/workers/supervisor.ts";
import { startWorker } from "../../../src/runtime/worker_process.ts";

describe("Supervisor", () => {
  it("waits for what is further away than a timer can wait", async () => {
    let looks = 0;
    const supervisor = new Supervisor("app", {
      workers: 1,
      startTimeout: 2 ** 40,
      stopTimeout: 0,
      hangTimeout: 0,
    }, {
      now: () => ++looks,
      random: () => 0.5,
      spawn: (_slot, events) => ({
        pid: 1,
        send: () => setTimeout(() => events.exit({ code: 0, signal: null })),
        kill: () => {},
      }),
      open: () => Promise.resolve(),
      close: () => {},
      listenQueue: () => null,
      log: () => {},
    });
    const outcome = supervisor.run();
    await new Promise((resolve) => setTimeout(resolve, 100));
    const before = looks;
    supervisor.tell({ type: "stop" });
    assertEquals(await outcome, "stopped");
    assert(before < 5, `it has woken up ${before} times`);
  });
});

describe("startWorker", () => {
  // Deno keeps the channel of a process that could not be started.
  const options = { sanitize: false };
  it("says that a process could not be started, in whichever way", options, async () => {
    for (const [args, directory] of [[["a\0b"], "/"], [[], "/none"]] as const) {
      const { promise, resolve } = Promise.withResolvers<unknown>();
      startWorker({ args, directory }, {
        message: () => {},
        exit: (code, signal, error) => resolve([code, signal, error instanceof Error]),
      });
      assertEquals(await promise, [null, null, true]);
    }
  });
});
