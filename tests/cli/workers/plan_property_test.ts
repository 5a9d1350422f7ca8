/**
 * The plan of a supervisor under events in random order: what must hold whatever happens. A failure
 * names its seed; `SEEDS=1234 deno test …` runs that one alone.
 */
import process from "node:process";
import { assert, assertEquals } from "../../_assert.ts";
import { describe, it } from "../../_harness.ts";
import { Plan } from "../../../src/cli/workers/plan.ts";
import type { Action, PlanEvent } from "../../../src/cli/workers/plan_events.ts";

const RUNS = 3_000;
const STEPS = 120;
/** Without a worker that serves for so long, giving up is right. */
const NONE_SERVES = 60_000;

/** A process as the operating system has it. */
interface Process {
  readonly id: number;
  readonly slot: number;
  /** The number of events before it was started. */
  readonly born: number;
  isReady: boolean;
  isDrained: boolean;
  isKilled: boolean;
  isClosed: boolean;
  isMute: boolean;
  wishesToRetire: boolean;
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = state + 0x6d2b79f5 | 0;
    let mixed = Math.imul(state ^ state >>> 15, 1 | state);
    mixed = mixed + Math.imul(mixed ^ mixed >>> 7, 61 | mixed) ^ mixed;
    return ((mixed ^ mixed >>> 14) >>> 0) / 2 ** 32;
  };
}

/** A plan, the processes that it has started, and all that is demanded of it. */
class World {
  readonly random: () => number;
  readonly plan: Plan;
  readonly processes = new Map<number, Process>();
  readonly history: string[] = [];
  readonly stopTimeout: number;
  now = 0.25;
  events = 0;
  target: number;
  /** When the last process that was ready has ended or was let go. */
  servedUntil = 0;
  hasServed = false;
  isStopping = false;
  outcome: string | undefined;
  reloadStarted = -1;
  isReloading = false;
  lastWish = -1;
  #highestId = 0;

  constructor(seed: number) {
    this.random = randomOf(seed);
    this.target = this.below(4) + 1;
    this.stopTimeout = this.below(4) === 0 ? 0 : 5_000;
    this.plan = new Plan({
      workers: this.target,
      startTimeout: this.below(4) === 0 ? 0 : 10_000,
      stopTimeout: this.stopTimeout,
      hangTimeout: this.below(4) === 0 ? 0 : 15_000,
    }, this.random);
  }

  below(limit: number): number {
    return Math.floor(this.random() * limit);
  }

  pick<T>(some: readonly T[]): T | undefined {
    return some[this.below(some.length)];
  }

  /** Those that work or will, as far as the plan knows. */
  get working(): Process[] {
    return [...this.processes.values()].filter((one) => !one.isDrained && !one.isKilled);
  }

  get serving(): Process[] {
    return this.working.filter(({ isReady }) => isReady);
  }

  tell(event: PlanEvent): void {
    this.events++;
    this.history.push(`${this.now.toFixed(0)} ${JSON.stringify(event)}`);
    const servedBefore = this.serving.length > 0;
    if (event.type === "ready") this.processes.get(event.worker)!.isReady = true;
    if (event.type === "exit") this.processes.delete(event.worker);
    if (event.type === "closed") this.processes.get(event.worker)!.isClosed = true;
    if (event.type === "reload" && !this.isStopping) this.lastWish = this.events;
    if (event.type === "stop") this.isStopping = true;
    const before = this.target;
    if (this.plan.state.phase === "serving" && event.type === "more") this.target++;
    for (const action of this.plan.on(event, this.now)) this.#take(action, event);
    const serves = this.serving.length > 0;
    this.hasServed ||= serves;
    if (serves || servedBefore) this.servedUntil = this.now;
    if (this.outcome !== undefined || this.isStopping) return;
    const most = Math.max(before, this.target) + 1;
    assert(this.working.length <= most, `${this.working.length} at work, of ${this.target}`);
    if (event.type !== "exit" && !(servedBefore && this.#hasKilledAll)) {
      assert(serves || !servedBefore, "nobody serves any more, and nobody has failed");
    }
  }

  /** Whether every process that is ready was killed: for its silence. */
  get #hasKilledAll(): boolean {
    return [...this.processes.values()].some(({ isReady, isKilled }) => isReady && isKilled);
  }

  #take(action: Action, event: PlanEvent): void {
    const { outcome } = this;
    assertEquals(outcome, undefined, `${action.do} after the end`);
    if (action.do !== "log") this.history.push(`    ${JSON.stringify(action)}`);
    switch (action.do) {
      case "spawn":
        assert(action.worker > this.#highestId, "a number is used twice");
        assert(!this.isStopping, "a worker is started to be stopped");
        this.#highestId = action.worker;
        this.processes.set(action.worker, {
          id: action.worker,
          slot: action.slot,
          born: this.events,
          isReady: false,
          isDrained: false,
          isKilled: false,
          isClosed: false,
          isMute: this.below(20) === 0,
          wishesToRetire: false,
        });
        return;
      case "drain":
      case "ping":
      case "kill": {
        const process = this.processes.get(action.worker);
        assert(process !== undefined, `${action.do} of a process that has ended`);
        if (action.do === "drain") {
          assert(!process.isDrained, "drained twice");
          process.isDrained = true;
        } else if (action.do === "kill") process.isKilled = true;
        else if (!process.isMute && !process.isKilled) {
          this.#pongs.push(process.id);
        }
        return;
      }
      case "log":
        if (event.type === "fewer" && action.line.endsWith("from now on")) this.target--;
        if (!action.line.startsWith("reload to generation")) return;
        assert(!this.isReloading, "two reloads at once");
        this.reloadStarted = this.events;
        this.isReloading = true;
        return;
      case "reloaded":
        assert(this.isReloading || event.type === "stop", "the end of no reload");
        this.isReloading = false;
        if (action.failure !== undefined) return;
        for (const { id, born } of this.working) {
          assert(born >= this.reloadStarted, `worker ${id} is older than the reload`);
        }
        return;
      case "exit":
        this.outcome = action.code;
        return this.#checkEnd(action.code, event);
    }
  }

  #checkEnd(code: string, event: PlanEvent): void {
    switch (code) {
      case "stopped":
      case "killed":
        assert(this.isStopping, `${code} without a stop`);
        assertEquals(this.processes.size, 0, "processes are left");
        return;
      case "not loaded":
        assert(!this.hasServed, "ended though the application could be loaded");
        assertEquals(event.type, "exit");
        return;
      case "failed":
        assertEquals(this.serving.length, 0, "given up though a worker serves");
        assert(this.now - this.servedUntil >= NONE_SERVES, "given up too early");
        for (const one of this.processes.values()) assert(one.isKilled, "a process is left");
    }
  }

  readonly #pongs: number[] = [];

  answer(): void {
    for (const worker of this.#pongs.splice(0)) {
      if (this.processes.has(worker)) this.tell({ type: "pong", worker });
    }
  }

  /** Lets time pass; at times the supervisor is late. */
  pass(milliseconds: number): void {
    const end = this.now + milliseconds;
    const lateness = this.below(10) === 0 ? this.below(30_000) : 0;
    let wakes = 0;
    while (this.plan.wakeAt <= end && this.outcome === undefined) {
      assert(wakes++ < 2_000, "the plan wants to be woken for ever");
      this.now = Math.max(this.now, this.plan.wakeAt) + lateness;
      this.tell({ type: "time" });
      assert(this.plan.wakeAt > this.now, "the plan wants to be woken at once, again");
      this.answer();
      for (const { id, isKilled } of [...this.processes.values()]) if (isKilled) this.exit(id);
    }
    this.now = Math.max(this.now, end);
  }

  exit(worker: number): void {
    const { isKilled } = this.processes.get(worker)!;
    const how = isKilled ? { code: null, signal: "SIGKILL" } : { code: 1, signal: null };
    this.tell({ type: "exit", worker, how });
  }

  /** Something happens, whatever can. */
  step(): void {
    const all = [...this.processes.values()];
    const one = this.pick(all);
    switch (this.below(14)) {
      case 0:
      case 1:
      case 2:
      case 3: {
        const starting = this.pick(all.filter(({ isReady, isKilled }) => !isReady && !isKilled));
        // One that is drained while it starts may have sent its message before.
        if (starting !== undefined) this.tell({ type: "ready", worker: starting.id });
        return;
      }
      case 4:
        if (one !== undefined && (this.hasServed || this.below(4) === 0)) this.exit(one.id);
        return;
      case 5:
      case 6: {
        const leaving = this.pick(all.filter(({ isDrained }) => isDrained));
        if (leaving === undefined) return;
        if (leaving.isClosed) this.exit(leaving.id);
        else this.tell({ type: "closed", worker: leaving.id });
        return;
      }
      case 7:
        return this.tell({ type: "reload" });
      case 8: {
        const tired = this.pick(this.serving.filter(({ wishesToRetire }) => !wishesToRetire));
        if (tired === undefined) return;
        // A worker says it once.
        tired.wishesToRetire = true;
        return this.tell({ type: "retire", worker: tired.id, why: "old" });
      }
      case 9:
        if (this.target < 6) this.tell({ type: "more" });
        return;
      case 10:
        return this.tell({ type: "fewer" });
      case 11:
        return this.pass(this.below(200));
      case 12:
        return this.pass(this.below(3_000));
      default:
        return this.pass(this.below(30_000));
    }
  }

  /** From now on nothing fails. */
  settle(): void {
    for (let round = 0; round < 400 && this.outcome === undefined; round++) {
      for (const one of [...this.processes.values()]) {
        one.isMute = false;
        if (one.isKilled) this.exit(one.id);
        else if (one.isDrained) {
          if (!one.isClosed) this.tell({ type: "closed", worker: one.id });
          this.exit(one.id);
        } else if (!one.isReady) this.tell({ type: "ready", worker: one.id });
        this.answer();
      }
      this.pass(500);
    }
  }

  /** What must be so when nothing has failed for long. */
  checkSettled(): void {
    if (this.outcome !== undefined) return;
    assertEquals(this.serving.length, this.target, "a slot is empty");
    assertEquals(this.processes.size, this.target, "a process too many");
    assertEquals(new Set(this.serving.map(({ slot }) => slot)).size, this.target, "two in a slot");
    assertEquals(this.isReloading, false, "a reload never ends");
    assert(this.reloadStarted >= this.lastWish, "a wish to reload was lost");
    const tired = this.serving.filter(({ wishesToRetire }) => wishesToRetire);
    assertEquals(tired.map(({ id }) => id), [], "a wish to retire was lost");
  }

  /** Stops; the processes end as they like, or not before they are killed. */
  stop(): void {
    if (this.outcome !== undefined) return;
    this.tell({ type: "stop" });
    for (const { isDrained } of this.processes.values()) assert(isDrained, "it is not drained");
    assertEquals(this.isReloading, false, "those who wait for a reload wait for ever");
    const obeys = this.stopTimeout === 0 || this.below(2) === 0;
    for (let steps = 0; this.outcome === undefined; steps++) {
      assert(steps < 1_000, "it never ends");
      const one = this.pick([...this.processes.values()])!;
      if (obeys || one.isKilled) this.exit(one.id);
      else this.pass(1_000);
      if (this.below(5) === 0) this.tell({ type: this.pick(["stop", "reload", "more"])! });
    }
    assertEquals(this.plan.wakeAt, Infinity);
    assertEquals(this.plan.on({ type: "time" }, this.now), []);
  }
}

function run(seed: number): void {
  const world = new World(seed);
  try {
    world.tell({ type: "start" });
    for (let steps = world.below(STEPS); steps > 0; steps--) {
      if (world.outcome === undefined) world.step();
    }
    if (world.below(3) > 0) {
      world.settle();
      world.checkSettled();
    }
    world.stop();
  } catch (error) {
    const end = world.history.slice(-60).join("\n");
    throw new Error(`Seed ${seed}: ${(error as Error).message}\n${end}`, { cause: error });
  }
}

describe("Plan", () => {
  it("keeps its promises whatever happens, in whatever order", { timeout: 60_000 }, () => {
    const first = Number(process.env.SEEDS ?? Math.floor(Math.random() * 2 ** 31));
    const runs = process.env.SEEDS === undefined ? RUNS : 1;
    for (let seed = first; seed < first + runs; seed++) run(seed);
  });
});
