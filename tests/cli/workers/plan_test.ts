import { assert, assertEquals } from "../../_assert.ts";
import { describe, it } from "../../_harness.ts";
import { Plan } from "../../../src/cli/workers/plan.ts";
import type { Action, PlanEvent, PlanOptions } from "../../../src/cli/workers/plan_events.ts";

const OPTIONS: PlanOptions = {
  workers: 2,
  startTimeout: 60_000,
  stopTimeout: 30_000,
  hangTimeout: 60_000,
};

/** A plan with a clock, and the processes that it believes in. */
class World {
  readonly plan: Plan;
  now = 1_000;
  /** All actions so far, in words. */
  readonly log: string[] = [];
  readonly lines: string[] = [];
  readonly alive = new Set<number>();

  constructor(options: Partial<PlanOptions> = {}) {
    this.plan = new Plan({ ...OPTIONS, ...options }, () => 0.5);
  }

  /** Tells an event; returns what is done because of it, without the lines of the log. */
  tell(event: PlanEvent): string[] {
    const actions = this.plan.on(event, this.now);
    for (const action of actions) this.#note(action);
    const words = actions.filter((action) => action.do !== "log").map(wordsOf);
    this.log.push(...words);
    return words;
  }

  /** Lets time pass, and wakes the plan whenever it wants to be woken. */
  pass(milliseconds: number): string[] {
    const end = this.now + milliseconds;
    const words: string[] = [];
    for (let wakes = 0; this.plan.wakeAt <= end; wakes++) {
      assert(wakes < 10_000, "the plan wants to be woken for ever");
      this.now = Math.max(this.now, this.plan.wakeAt);
      words.push(...this.tell({ type: "time" }));
    }
    this.now = end;
    return words;
  }

  ready(worker: number): string[] {
    return this.tell({ type: "ready", worker });
  }

  closed(worker: number): string[] {
    return this.tell({ type: "closed", worker });
  }

  exit(worker: number, code: number | null = 0, signal: string | null = null): string[] {
    this.alive.delete(worker);
    return this.tell({ type: "exit", worker, how: { code, signal } });
  }

  /** Answers every ping for a while. */
  live(milliseconds: number): string[] {
    const words: string[] = [];
    for (let passed = 0; passed < milliseconds; passed += 1_000) {
      for (const word of this.pass(1_000)) {
        const [, worker] = /^ping (\d+)$/.exec(word) ?? [];
        if (worker === undefined) words.push(word);
        else words.push(...this.tell({ type: "pong", worker: Number(worker) }));
      }
    }
    return words;
  }

  #note(action: Action): void {
    if (action.do === "spawn") this.alive.add(action.worker);
    if (action.do === "log") this.lines.push(action.line);
  }
}

function wordsOf(action: Action): string {
  switch (action.do) {
    case "spawn":
      return `spawn ${action.worker} in ${action.slot} of ${action.generation}`;
    case "drain":
    case "kill":
    case "ping":
      return `${action.do} ${action.worker}`;
    case "exit":
      return `exit: ${action.code}`;
    case "reloaded":
      return action.failure === undefined ? "reloaded" : "not reloaded";
    default:
      return action.do;
  }
}

/** A world in which all workers are ready. */
function serving(options: Partial<PlanOptions> = {}): World {
  const world = new World(options);
  world.tell({ type: "start" });
  world.ready(1);
  for (const worker of [...world.alive].slice(1)) world.ready(worker);
  return world;
}

describe("Plan: start", () => {
  it("starts one worker alone, and lets clients in when it is ready", () => {
    const world = new World({ workers: 3 });
    assertEquals(world.tell({ type: "start" }), ["spawn 1 in 0 of 1"]);
    assertEquals(world.pass(10_000), []);
    assertEquals(world.ready(1), ["open", "spawn 2 in 1 of 1", "spawn 3 in 2 of 1"]);
    assertEquals(world.ready(2), []);
    assertEquals(world.ready(3), []);
  });

  it("ends if the first worker ends before it is ready", () => {
    const world = new World();
    world.tell({ type: "start" });
    assertEquals(world.exit(1, 3), ["exit: not loaded"]);
    assertEquals(world.plan.wakeAt, Infinity);
    assertEquals(world.tell({ type: "reload" }), []);
  });

  it("kills a first worker that is not ready in time, and ends", () => {
    const world = new World();
    world.tell({ type: "start" });
    assertEquals(world.pass(59_999), []);
    assertEquals(world.pass(1), ["kill 1"]);
    assertEquals(world.exit(1, null, "SIGKILL"), ["exit: not loaded"]);
  });

  it("stops while it starts", () => {
    const world = new World();
    world.tell({ type: "start" });
    assertEquals(world.tell({ type: "stop" }), ["drain 1"]);
    assertEquals(world.ready(1), []);
    assertEquals(world.exit(1), ["exit: stopped"]);
  });
});

describe("Plan: workers that end by themselves", () => {
  it("are replaced at once after a long life", () => {
    const world = serving();
    world.live(10_000);
    assertEquals(world.exit(2, 1), ["spawn 3 in 1 of 1"]);
  });

  it("are replaced after pauses that grow, with a short life", () => {
    const world = serving();
    const pauses: number[] = [];
    let worker = 2;
    for (let failures = 0; failures < 12; failures++) {
      assertEquals(world.exit(worker, 1), []);
      const from = world.now;
      while (!world.alive.has(++worker)) {
        worker--;
        const words = world.pass(100);
        for (const word of words) {
          if (word.startsWith("ping")) world.tell({ type: "pong", worker: Number(word.slice(5)) });
        }
      }
      pauses.push(Math.round((world.now - from) / 100) * 100);
    }
    assertEquals(pauses.slice(0, 4), [100, 200, 400, 800]);
    assertEquals(pauses.at(-1), 30_000);
  });

  it("start again without a pause worth the name after a minute of life", () => {
    const world = serving();
    for (let i = 0; i < 3; i++) {
      const last = [...world.alive].at(-1)!;
      world.exit(last, 1);
      world.pass(3_000);
    }
    world.ready([...world.alive].at(-1)!);
    world.live(61_000);
    world.exit([...world.alive].at(-1)!, 1);
    const successor = [...world.alive].at(-1)!;
    world.exit(successor, 1);
    const from = world.now;
    assertEquals(world.plan.wakeAt - from <= 100, true);
  });

  it("are given up when none has served for a minute", () => {
    const world = serving({ workers: 1 });
    world.exit(1, 1);
    const words: string[] = [];
    for (let i = 0; i < 700 && !words.includes("exit: failed"); i++) {
      words.push(...world.pass(100));
      for (const worker of world.alive) words.push(...world.exit(worker, 1));
    }
    assertEquals(words.at(-1), "exit: failed");
    assert(world.now >= 61_000 && world.now < 63_000, `${world.now}`);
  });

  it("never end the supervisor as long as one serves", () => {
    const world = serving();
    for (let i = 0; i < 3_000; i++) {
      for (const word of world.pass(100)) {
        if (word.startsWith("ping")) world.tell({ type: "pong", worker: Number(word.slice(5)) });
      }
      for (const worker of world.alive) if (worker !== 1) world.exit(worker, 1);
    }
    assertEquals(world.log.some((word) => word.startsWith("exit")), false);
  });
});

describe("Plan: reload", () => {
  it("replaces one worker after the other, each when its successor is ready", () => {
    const world = serving();
    assertEquals(world.tell({ type: "reload" }), ["spawn 3 in 0 of 2"]);
    assertEquals(world.ready(3), ["drain 1", "spawn 4 in 1 of 2"]);
    assertEquals(world.ready(4), ["drain 2"]);
    // Both may still get a request.
    assertEquals(world.closed(1), []);
    assertEquals(world.closed(2), ["reloaded"]);
    assertEquals(world.exit(1), []);
    assertEquals(world.exit(2), []);
    assertEquals(world.plan.state.generation, 2);
  });

  it("is given up if the first new worker does not start, and the old ones serve on", () => {
    const world = serving();
    world.tell({ type: "reload" });
    assertEquals(world.exit(3, 3), ["not reloaded"]);
    assertEquals(world.plan.state.generation, 1);
    assertEquals(world.live(120_000), []);
    assertEquals([...world.alive], [1, 2]);
  });

  it("is given up with the reason if the first new worker is killed", () => {
    const world = serving();
    world.tell({ type: "reload" });
    world.live(60_000);
    assertEquals(world.alive.has(3), true);
    assertEquals(world.exit(3, null, "SIGKILL"), ["not reloaded"]);
    assertEquals(
      world.lines.at(-1),
      "reload given up: the new application does not start (not ready after 60 s); " +
        "the old workers serve on",
    );
  });

  it("goes on trying if a later one does not start", () => {
    const world = serving();
    world.tell({ type: "reload" });
    world.ready(3);
    assertEquals(world.exit(4, 3), []);
    assertEquals(world.pass(100), ["spawn 5 in 1 of 2"]);
    assertEquals(world.ready(5), ["drain 2"]);
    assertEquals(world.exit(1), []);
    assertEquals(world.exit(2), ["reloaded"]);
  });

  it("is done once more for any number of wishes meanwhile", () => {
    const world = serving();
    for (let i = 0; i < 20; i++) world.tell({ type: "reload" });
    world.ready(3);
    assertEquals(world.ready(4), ["drain 2"]);
    assertEquals(world.closed(1), []);
    assertEquals(world.closed(2), ["reloaded"]);
    // Two old workers finish what they have: no more than that at once.
    assertEquals(world.exit(1), ["spawn 5 in 0 of 3"]);
    assertEquals(world.ready(5), ["drain 3"]);
    assertEquals(world.exit(2), ["spawn 6 in 1 of 3"]);
    assertEquals(world.ready(6), ["drain 4"]);
    assertEquals(world.exit(3), []);
    assertEquals(world.exit(4), ["reloaded"]);
    assertEquals(world.live(10_000), []);
  });

  it("ends with a stop", () => {
    const world = serving();
    world.tell({ type: "reload" });
    assertEquals(world.tell({ type: "stop" }), [
      "close",
      "not reloaded",
      "drain 1",
      "drain 2",
      "drain 3",
    ]);
    assertEquals(world.ready(3), []);
    world.exit(1);
    world.exit(3);
    assertEquals(world.exit(2), ["exit: stopped"]);
  });

  it("goes on if a worker dies, and then its successor", () => {
    const world = serving();
    world.tell({ type: "reload" });
    world.ready(3);
    world.exit(1);
    assertEquals(world.exit(2, 1), []);
    assertEquals(world.exit(4, 1), []);
    assertEquals(world.pass(200), ["spawn 5 in 1 of 2"]);
    assertEquals(world.ready(5), ["reloaded"]);
  });

  it("starts no worker beside a successor that is on its way", () => {
    const world = serving();
    world.tell({ type: "retire", worker: 2, why: "10 requests" });
    assertEquals(world.tell({ type: "reload" }), ["drain 3", "spawn 4 in 0 of 2"]);
  });

  it("waits until the first worker is ready", () => {
    const world = new World({ workers: 1 });
    world.tell({ type: "start" });
    assertEquals(world.tell({ type: "reload" }), []);
    assertEquals(world.ready(1), ["open", "spawn 2 in 0 of 2"]);
  });

  it("takes a worker's place that has died meanwhile", () => {
    const world = serving();
    world.tell({ type: "reload" });
    assertEquals(world.exit(1, 1), []);
    assertEquals(world.ready(3), ["spawn 4 in 1 of 2"]);
  });
});

describe("Plan: stop", () => {
  it("kills what is not done in time", () => {
    const world = serving();
    assertEquals(world.tell({ type: "stop" }), ["close", "drain 1", "drain 2"]);
    world.exit(1);
    assertEquals(world.pass(31_999), []);
    assertEquals(world.pass(1), ["kill 2"]);
    assertEquals(world.exit(2, null, "SIGKILL"), ["exit: killed"]);
  });

  it("takes signals of one second for one, and kills at a later one", () => {
    const world = serving();
    world.tell({ type: "stop" });
    world.pass(999);
    assertEquals(world.tell({ type: "stop" }), []);
    world.pass(1);
    assertEquals(world.tell({ type: "stop" }), ["kill 1", "kill 2"]);
  });

  it("replaces nobody", () => {
    const world = serving();
    world.tell({ type: "stop" });
    assertEquals(world.exit(1, 1), []);
    assertEquals(world.exit(2, null, "SIGSEGV"), ["exit: stopped"]);
  });
});

describe("Plan: hung workers", () => {
  it("are killed after a minute without an answer, and replaced", () => {
    const world = serving();
    const words: string[] = [];
    for (let i = 0; i < 70; i++) {
      for (const word of world.pass(1_000)) {
        words.push(word);
        if (word === "ping 1") world.tell({ type: "pong", worker: 1 });
      }
      if (words.includes("kill 2")) break;
    }
    assertEquals(words.filter((word) => word.startsWith("kill")), ["kill 2"]);
    assertEquals(Math.round(world.now / 1000), 66);
    assertEquals(world.exit(2, null, "SIGKILL"), ["spawn 3 in 1 of 1"]);
    assertEquals(world.lines.at(-1), "killed: it has not answered for 60 s");
  });

  it("are not those of a machine that has slept", () => {
    const world = serving();
    world.live(10_000);
    world.now += 3_600_000;
    const words = world.tell({ type: "time" });
    assertEquals(words, ["ping 1", "ping 2"]);
  });

  it("are nobody's business with 0", () => {
    const world = serving({ hangTimeout: 0 });
    assertEquals(world.pass(600_000), []);
  });
});

describe("Plan: retirement", () => {
  it("is granted to one at a time, with a successor that is ready first", () => {
    const world = serving();
    assertEquals(world.tell({ type: "retire", worker: 1, why: "old" }), ["spawn 3 in 0 of 1"]);
    assertEquals(world.tell({ type: "retire", worker: 2, why: "old" }), []);
    assertEquals(world.ready(3), ["drain 1", "spawn 4 in 1 of 1"]);
    assertEquals(world.ready(4), ["drain 2"]);
  });

  it("is forgotten where a reload has replaced the worker", () => {
    const world = serving();
    world.tell({ type: "reload" });
    world.tell({ type: "retire", worker: 2, why: "old" });
    world.ready(3);
    assertEquals(world.ready(4), ["drain 2"]);
    world.exit(1);
    assertEquals(world.exit(2), ["reloaded"]);
    assertEquals(world.live(5_000), []);
  });

  it("waits for a worker that has failed, and for a reload that is given up", () => {
    const world = serving();
    world.exit(1, 1);
    world.tell({ type: "retire", worker: 2, why: "10 requests" });
    assertEquals(world.pass(200), ["spawn 3 in 0 of 1"]);
    assertEquals(world.ready(3), ["spawn 4 in 1 of 1"]);
    assertEquals(world.tell({ type: "reload" }), ["drain 4", "spawn 5 in 0 of 2"]);
    assertEquals(world.exit(5, 3), ["not reloaded", "spawn 6 in 1 of 1"]);
  });

  it("tries again if the successor does not start", () => {
    const world = serving();
    world.tell({ type: "retire", worker: 1, why: "old" });
    assertEquals(world.exit(3, 1), []);
    assertEquals(world.pass(100), ["spawn 4 in 0 of 1"]);
    assertEquals(world.ready(4), ["drain 1"]);
  });
});

describe("Plan: more and fewer workers", () => {
  it("starts one more, and lets the last one go", () => {
    const world = serving();
    assertEquals(world.tell({ type: "more" }), ["spawn 3 in 2 of 1"]);
    world.ready(3);
    assertEquals(world.tell({ type: "fewer" }), ["drain 3"]);
    assertEquals(world.tell({ type: "fewer" }), ["drain 2"]);
    assertEquals(world.tell({ type: "fewer" }), []);
  });

  it("lets nobody go who serves alone", () => {
    const world = serving();
    world.exit(1, 1);
    assertEquals(world.tell({ type: "fewer" }), []);
    assertEquals(world.pass(200), ["spawn 3 in 0 of 1"]);
    world.ready(3);
    assertEquals(world.tell({ type: "fewer" }), ["drain 2"]);
  });

  it("ends a reload that has come to the place that is gone", () => {
    const world = serving();
    world.tell({ type: "reload" });
    world.ready(3);
    assertEquals(world.tell({ type: "fewer" }), ["drain 2", "drain 4"]);
    for (const worker of [1, 2]) assertEquals(world.exit(worker), []);
    assertEquals(world.exit(4), ["reloaded"]);
  });
});
