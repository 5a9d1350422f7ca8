import { assert, assertEquals, assertThrows } from "../../_assert.ts";
import { describe, it } from "../../_harness.ts";
import { UsageError } from "../../../src/cli/command.ts";
import { parse } from "../../../src/cli/parse.ts";
import { serve } from "../../../src/cli/serve.ts";
import { backOff } from "../../../src/cli/workers/back_off.ts";
import { poolSettings } from "../../../src/cli/workers/pool_options.ts";
import { reasonToRetire, spreadLimits } from "../../../src/cli/workers/retire.ts";

function settings(...args: string[]) {
  const given = parse(serve, ["app.ts", ...args], () => undefined);
  return poolSettings(given, given.value("workers"), 3);
}

describe("options of workers", () => {
  it("make a supervisor only where there are workers", () => {
    assertEquals(settings(), undefined);
    assertEquals(settings("-w", "1")?.plan, {
      workers: 1,
      startTimeout: 60_000,
      stopTimeout: 30_000,
      hangTimeout: 60_000,
    });
    assertEquals(settings("--workers", "auto")?.plan.workers, 3);
  });

  it("are seconds, requests and MiB", () => {
    const args = ["--start-timeout", "5", "--stop-timeout", "0", "--hang-timeout", "7"];
    const { plan } = settings("-w", "2", ...args)!;
    assertEquals([plan.startTimeout, plan.stopTimeout, plan.hangTimeout], [5_000, 0, 7_000]);
    const limits = ["--recycle-requests", "9", "--recycle-age", "8", "--recycle-memory", "7"];
    assertEquals(settings("-w", "2", ...limits)?.limits, {
      requests: 9,
      age: 8,
      memory: 7 * 2 ** 20,
    });
  });

  for (
    const [args, message] of [
      [["-w", "0"], "--workers cannot be 0: it is a number from 1 to 512, or auto"],
      [["-w", "513"], "--workers cannot be 513: it is a number from 1 to 512, or auto"],
      [["-w", "many"], "--workers cannot be many: it is a number from 1 to 512, or auto"],
      [["--recycle-age", "9"], "--recycle-age is for workers: add --workers N"],
      [["-w", "2", "--stop-timeout", "-1"], "--stop-timeout cannot be -1: it is a whole number, 0"],
    ] as const
  ) {
    it(`refuse ${args.join(" ")}`, () => {
      const error = assertThrows(() => settings(...args), UsageError) as Error;
      assert(error.message.startsWith(message), error.message);
    });
  }
});

describe("a worker that is to be replaced", () => {
  const report = (accepted: number, startTime = 0, rss = 0) => ({
    stats: {
      startTime,
      connections: { active: 0, accepted: 0, refused: 0 },
      requests: { active: 0, maxActive: 0, accepted, rejected: 0, failed: 0, aborted: 0 },
    },
    rss,
    slow: 0,
  });
  const none = { requests: 0, age: 0, memory: 0 };

  it("has reached a limit, and there may be none", () => {
    assertEquals(reasonToRetire(none, report(1e9, 0, 1e12), 1e12), undefined);
    const limits = { requests: 10, age: 60, memory: 2 ** 20 };
    assertEquals(reasonToRetire(limits, report(9, 0, 2 ** 20), 59_999), undefined);
    assertEquals(reasonToRetire(limits, report(10), 0), "10 requests");
    assertEquals(reasonToRetire(limits, report(0), 60_000), "60 s old");
    assertEquals(reasonToRetire(limits, report(0, 0, 3 * 2 ** 20), 0), "3 MiB of memory");
  });

  it("has its own limits, up to a tenth higher, but for memory", () => {
    const limits = { requests: 100, age: 1000, memory: 5 };
    assertEquals(spreadLimits(limits, () => 0), limits);
    assertEquals(spreadLimits(limits, () => 1), { requests: 110, age: 1100, memory: 5 });
    assertEquals(spreadLimits(none, () => 1), none);
  });
});

describe("the pauses of a worker that fails", () => {
  it("double from 0.1 s to 30 s, each up to a fifth off", () => {
    assertEquals([0, 1, 2, 3].map((failures) => backOff(failures, 0.5)), [100, 200, 400, 800]);
    assertEquals([8, 9, 1000].map((failures) => backOff(failures, 0.5)), [25_600, 30_000, 30_000]);
    assertEquals([backOff(0, 0), backOff(0, 1)], [80, 120]);
  });
});
