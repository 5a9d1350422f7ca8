/**
 * What a supervisor does, as a pure function of what happens: events go in, with their time, and
 * actions come out. No process, no clock, no socket; {@link Supervisor} carries the actions out.
 *
 * The plan of the plan: a slot has one worker that serves, and at times its successor. A worker is
 * `starting`, then `ready`, then `draining`. Whatever replaces a worker (a reload, a retirement)
 * starts the successor first, and lets the worker go when the successor is ready. A worker that
 * ends by itself is replaced at once, or after a growing pause if it has not lived long.
 */
import { backOff } from "./back_off.ts";
import type { Action, Ending, PlanEvent, PlanOptions } from "./plan_events.ts";
import { Slot } from "./slot.ts";
import { type Worker, Workers } from "./worker_list.ts";

/** A worker that has lived for so long, ready, is replaced at once when it dies. */
const LONG_LIFE = 10_000;
/** After so long a life, earlier failures are forgotten. */
const FORGIVEN = 60_000;
/** Without any worker that serves for so long, the supervisor gives up. */
const NONE_SERVES = 60_000;
/** How often workers are asked whether they are there, at most. */
const PING_INTERVAL = 5_000;
/** How many pings a worker may leave without an answer before it is taken for hung, at least. */
const MIN_UNANSWERED = 3;
/** What a worker has beyond its own time-out, to break off its requests and end. */
const KILL_DELAY = 2_000;
/** Signals to stop within that time are one. */
const ONE_WISH = 1_000;

/** A reload on its way through the slots. */
interface Reload {
  readonly generation: number;
  /** The slot that is being replaced; the first one is the canary. */
  slot: number;
  /** Whether it waits until workers have left. */
  isHeld: boolean;
}

export class Plan {
  readonly #options: PlanOptions;
  readonly #random: () => number;
  readonly #workers = new Workers();
  #slots: Slot[] = [];
  #phase: "starting" | "serving" | "stopping" | "stopped" = "starting";
  #generation = 1;
  #reload: Reload | undefined;
  #reloadAgain = false;
  #retiring: { readonly worker: Worker; readonly why: string }[] = [];
  #stopSince = 0;
  #hasKilled = false;
  /** When the last worker that was ready has gone; 0 while one is. */
  #noneSince = 0;
  #nextPing = 0;
  readonly #pingInterval: number;
  #actions: Action[] = [];
  #now = 0;

  /** @param random As `Math.random`: workers that fail together shall not start together. */
  constructor(options: PlanOptions, random: () => number) {
    this.#options = options;
    this.#random = random;
    this.#pingInterval = Math.min(PING_INTERVAL, options.hangTimeout / MIN_UNANSWERED);
  }

  /** The state of all, for a status. */
  get state(): {
    readonly phase: "starting" | "serving" | "stopping" | "stopped";
    readonly generation: number;
    readonly isReloading: boolean;
    readonly workers: readonly Worker[];
  } {
    return {
      phase: this.#phase,
      generation: this.#generation,
      isReloading: this.#reload !== undefined,
      workers: [...this.#workers],
    };
  }

  /** The next moment at which something is due without an event; `Infinity` if none is. */
  get wakeAt(): number {
    if (this.#phase === "stopped") return Infinity;
    const times = [
      ...[...this.#workers].map(({ deadline }) => deadline),
      ...this.#slots.map(({ retryAt }) => retryAt),
      this.#nextPing,
      this.#noneSince === 0 ? 0 : this.#noneSince + NONE_SERVES,
    ];
    return Math.min(...times.map((time) => time === 0 ? Infinity : time));
  }

  /** Takes an event; returns what is to be done, in this order. */
  on(event: PlanEvent, now: number): Action[] {
    this.#now = now;
    this.#actions = [];
    if (this.#phase !== "stopped") this.#take(event);
    return this.#actions;
  }

  #take(event: PlanEvent): void {
    this.#takeAlone(event);
    // Any event may have been the end of what it has waited for.
    this.#grantRetirement();
  }

  #takeAlone(event: PlanEvent): void {
    switch (event.type) {
      case "start":
        this.#slots = [new Slot(0)];
        return this.#spawn(this.#slots[0]!, "current");
      case "ready":
        return this.#ready(this.#workers.get(event.worker));
      case "pong":
        return this.#pong(this.#workers.get(event.worker));
      case "closed":
        return this.#closed(this.#workers.get(event.worker));
      case "retire":
        return this.#retire(this.#workers.get(event.worker), event.why);
      case "exit":
        return this.#exit(this.#workers.get(event.worker), event.how);
      case "reload":
        if (event.worker !== undefined) this.#awaitReload(this.#workers.get(event.worker));
        return this.#startReload();
      case "stop":
        return this.#stop();
      case "more":
        return this.#more();
      case "fewer":
        return this.#fewer();
      case "time":
        return this.#time();
    }
  }

  #spawn(slot: Slot, as: "current" | "next"): void {
    const { startTimeout } = this.#options;
    const generation = this.#reload !== undefined && slot.index <= this.#reload.slot
      ? this.#reload.generation
      : this.#generation;
    const worker = this.#workers.add(slot.index, generation, this.#now);
    worker.deadline = startTimeout === 0 ? 0 : this.#now + startTimeout;
    slot[as] = worker;
    slot.retryAt = 0;
    this.#actions.push({
      do: "spawn",
      worker: worker.id,
      slot: slot.index,
      generation,
      replaces: slot.isUsed,
    });
    slot.isUsed = true;
  }

  #ready(worker: Worker | undefined): void {
    if (worker?.state !== "starting") return;
    worker.state = "ready";
    worker.since = this.#now;
    worker.deadline = 0;
    this.#noneSince = 0;
    if (this.#pingInterval > 0 && this.#nextPing === 0) {
      this.#nextPing = this.#now + this.#pingInterval;
    }
    this.#log(worker, `ready, generation ${worker.generation}`);
    if (this.#phase === "starting") {
      this.#phase = "serving";
      this.#actions.push({ do: "open" });
      this.#fillSlots(this.#options.workers);
      this.#reloadOnceMore();
    }
    const slot = this.#slots[worker.slot]!;
    if (slot.next === worker) this.#succeed(slot, worker);
    const { slot: due, generation } = this.#reload ?? {};
    if (slot.index === due && worker.generation === generation) this.#reloadSlot(due + 1);
  }

  #succeed(slot: Slot, worker: Worker): void {
    const old = slot.current;
    slot.current = worker;
    slot.next = undefined;
    slot.failures = 0;
    if (old !== undefined) this.#drain(old);
  }

  #pong(worker: Worker | undefined): void {
    if (worker !== undefined) worker.unanswered = 0;
  }

  #closed(worker: Worker | undefined): void {
    if (worker !== undefined) worker.isAccepting = false;
    this.#resumeReload();
  }

  #fillSlots(count: number): void {
    while (this.#slots.length < count) {
      const slot = new Slot(this.#slots.length);
      this.#slots.push(slot);
      this.#spawn(slot, "current");
    }
  }

  #drain(worker: Worker): void {
    if (worker.state === "draining") return;
    worker.state = "draining";
    worker.since = this.#now;
    const { stopTimeout } = this.#options;
    worker.deadline = stopTimeout === 0 ? 0 : this.#now + stopTimeout + KILL_DELAY;
    this.#actions.push({ do: "drain", worker: worker.id });
  }

  #kill(worker: Worker, why: string): void {
    worker.deadline = 0;
    worker.killed = why;
    this.#log(worker, `killed: ${why}`);
    this.#actions.push({ do: "kill", worker: worker.id });
  }

  #exit(worker: Worker | undefined, how: Ending): void {
    if (worker === undefined) return;
    this.#workers.remove(worker);
    this.#retiring = this.#retiring.filter((retiring) => retiring.worker !== worker);
    const isOwnEnd = worker.state !== "draining" && worker.killed === undefined;
    if (isOwnEnd) this.#log(worker, `ended by itself: ${describe(how)}`);
    if (this.#phase === "stopping") return this.#endIfEmpty();
    if (worker.state === "draining") return this.#resumeReload();
    if (this.#phase === "starting") return this.#end("not loaded");
    this.#replace(worker, this.#slots[worker.slot]!, worker.killed ?? describe(how));
    if (![...this.#workers].some(({ state }) => state === "ready")) {
      this.#noneSince ||= this.#now;
    }
  }

  /** Fills the place of a worker that has ended, though it was not told to. */
  #replace(worker: Worker, slot: Slot, why: string): void {
    const life = worker.state === "ready" ? this.#now - worker.since : 0;
    const wasSuccessor = slot.next === worker;
    // A successor on its way takes the place.
    if (!wasSuccessor) slot.current = slot.next;
    slot.next = undefined;
    if (life >= FORGIVEN) slot.failures = 0;
    const isGivenUp = this.#isCanary(worker);
    if (isGivenUp) this.#giveUpReload(why);
    if (slot.current === undefined && life >= LONG_LIFE) this.#spawn(slot, "current");
    else if (slot.current === undefined || wasSuccessor && !isGivenUp) this.#retryLater(slot);
    if (isGivenUp) this.#reloadOnceMore();
  }

  #isCanary({ state, slot, generation }: Worker): boolean {
    return state === "starting" && slot === 0 && this.#reload?.slot === 0 &&
      generation === this.#reload.generation;
  }

  #giveUpReload(why: string): void {
    this.#reload = undefined;
    const failure = `the new application does not start (${why})`;
    this.#actions.push({
      do: "log",
      line: `reload given up: ${failure}; the old workers serve on`,
    });
    this.#actions.push({ do: "reloaded", failure });
  }

  #retryLater(slot: Slot): void {
    const pause = backOff(slot.failures++, this.#random());
    slot.retryAt = this.#now + pause;
    const seconds = (pause / 1000).toFixed(1);
    this.#actions.push({ do: "log", line: `worker ${slot.index}: starts again in ${seconds} s` });
  }

  #awaitReload(worker: Worker | undefined): void {
    if (worker !== undefined) worker.awaitsReload = true;
  }

  #startReload(): void {
    if (this.#phase === "stopping") return;
    if (this.#phase === "starting" || this.#reload !== undefined) {
      this.#reloadAgain = true;
      return;
    }
    this.#reload = { generation: this.#generation + 1, slot: 0, isHeld: false };
    this.#actions.push({ do: "log", line: `reload to generation ${this.#reload.generation}` });
    for (const slot of this.#slots) this.#forgetSuccessor(slot);
    this.#reloadSlot(0);
  }

  /** What was to follow a worker is of the old generation: it comes too late. */
  #forgetSuccessor(slot: Slot): void {
    if (slot.current === undefined) return;
    if (slot.next !== undefined) this.#drain(slot.next);
    slot.next = undefined;
    slot.retryAt = 0;
  }

  /** Goes on with a reload: replaces the worker of this slot, or ends behind the last one. */
  #reloadSlot(index: number): void {
    const reload = this.#reload!;
    reload.slot = index;
    // The canary serves: whatever starts from now on is of the new generation.
    if (index > 0) this.#generation = reload.generation;
    const slot = this.#slots[index];
    if (slot === undefined) {
      // Whoever waits for the end must not meet the old application any more.
      reload.isHeld = this.#leaving.some(({ isAccepting }) => isAccepting);
      if (reload.isHeld) return;
      this.#reload = undefined;
      this.#actions.push({ do: "log", line: `reloaded, generation ${this.#generation}` });
      this.#actions.push({ do: "reloaded" });
      return this.#reloadOnceMore();
    }
    reload.isHeld = false;
    if (slot.current?.generation === reload.generation) {
      // Its worker had died, or the slot is new; the reload goes on as soon as it is ready.
      if (slot.current.state === "ready") this.#reloadSlot(index + 1);
      return;
    }
    reload.isHeld = this.#isCrowded;
    if (reload.isHeld) return;
    this.#forgetSuccessor(slot);
    this.#spawn(slot, "next");
  }

  /** Goes on with a reload that has waited for workers to leave. */
  #resumeReload(): void {
    if (this.#reload?.isHeld) this.#reloadSlot(this.#reload.slot);
  }

  /** The workers that finish what they have. */
  get #leaving(): Worker[] {
    return [...this.#workers].filter(({ state }) => state === "draining");
  }

  /**
   * As many as there are may be finishing their requests, and no more: memory is not endless. Those
   * that wait for a reload would wait for themselves.
   */
  get #isCrowded(): boolean {
    const leaving = this.#leaving.filter(({ awaitsReload }) => !awaitsReload);
    return leaving.length >= this.#slots.length;
  }

  #reloadOnceMore(): void {
    if (!this.#reloadAgain) {
      for (const worker of this.#workers) worker.awaitsReload = false;
      return;
    }
    this.#reloadAgain = false;
    this.#startReload();
  }

  #retire(worker: Worker | undefined, why: string): void {
    if (worker?.state !== "ready" || this.#phase !== "serving") return;
    if (this.#retiring.some((retiring) => retiring.worker === worker)) return;
    this.#retiring.push({ worker, why });
  }

  /** Replaces one worker that has asked for it, if nothing else is being replaced. */
  #grantRetirement(): void {
    const isBusy = this.#reload !== undefined || this.#isCrowded ||
      this.#slots.some(({ current, next, retryAt }) =>
        current?.state !== "ready" || next !== undefined || retryAt > 0
      );
    if (isBusy || this.#phase !== "serving") return;
    // The wish stays until the worker has gone: its successor may fail.
    this.#retiring = this.#retiring.filter(({ worker }) => worker.state === "ready");
    const [first] = this.#retiring;
    if (first === undefined) return;
    this.#log(first.worker, `to be replaced: ${first.why}`);
    this.#spawn(this.#slots[first.worker.slot]!, "next");
  }

  #more(): void {
    if (this.#phase !== "serving") return;
    this.#fillSlots(this.#slots.length + 1);
    this.#actions.push({ do: "log", line: `${this.#slots.length} workers from now on` });
  }

  #fewer(): void {
    if (this.#phase !== "serving" || this.#slots.length === 1) return;
    const serving = this.#slots.filter(({ current }) => current?.state === "ready");
    if (serving.length === 1 && serving[0] === this.#slots.at(-1)) {
      this.#actions.push({ do: "log", line: "no worker less: no other one serves" });
      return;
    }
    const { current, next, index } = this.#slots.pop()!;
    if (current !== undefined) this.#drain(current);
    if (next !== undefined) this.#drain(next);
    this.#actions.push({ do: "log", line: `${index} workers from now on` });
    if (this.#reload?.slot === index) this.#reloadSlot(index);
  }

  #stop(): void {
    if (this.#phase === "stopping") {
      if (this.#now - this.#stopSince < ONE_WISH) return;
      for (const worker of this.#workers) this.#killInTheEnd(worker, "told to stop again");
      return;
    }
    // What still waits on the socket then is the workers', which take it before they close theirs.
    if (this.#phase === "serving") this.#actions.push({ do: "close" });
    this.#phase = "stopping";
    this.#stopSince = this.#now;
    if (this.#reload !== undefined) this.#actions.push({ do: "reloaded", failure: "stopped" });
    this.#reload = undefined;
    this.#slots = [];
    this.#nextPing = this.#noneSince = 0;
    for (const worker of this.#workers) this.#drain(worker);
    this.#endIfEmpty();
  }

  #killInTheEnd(worker: Worker, why: string): void {
    this.#hasKilled ||= this.#phase === "stopping";
    this.#kill(worker, why);
  }

  #endIfEmpty(): void {
    if (this.#workers.size === 0) this.#end(this.#hasKilled ? "killed" : "stopped");
  }

  #end(code: "stopped" | "killed" | "not loaded" | "failed"): void {
    this.#phase = "stopped";
    this.#actions.push({ do: "exit", code });
  }

  #time(): void {
    for (const worker of this.#workers) this.#checkDeadline(worker);
    for (const slot of this.#slots) this.#retry(slot);
    if (this.#nextPing > 0 && this.#now >= this.#nextPing) this.#pingAll();
    if (this.#noneSince > 0 && this.#now >= this.#noneSince + NONE_SERVES) this.#giveUp();
  }

  #checkDeadline(worker: Worker): void {
    if (worker.deadline === 0 || this.#now < worker.deadline) return;
    const seconds = (this.#now - worker.since) / 1000;
    if (worker.state === "draining") this.#killInTheEnd(worker, `not done after ${seconds} s`);
    else this.#kill(worker, `not ready after ${seconds} s`);
  }

  /** The pause after a failure is over. */
  #retry(slot: Slot): void {
    if (slot.retryAt === 0 || this.#now < slot.retryAt) return;
    this.#spawn(slot, slot.current === undefined ? "current" : "next");
  }

  #pingAll(): void {
    this.#nextPing = this.#now + this.#pingInterval;
    for (const worker of this.#workers) {
      if (worker.state !== "ready") continue;
      // Pings are counted, and not the time since the last answer: a supervisor that was stopped
      // for a while, or a machine that slept, has not asked.
      const silence = worker.unanswered++ * this.#pingInterval;
      if (silence < this.#options.hangTimeout) {
        this.#actions.push({ do: "ping", worker: worker.id });
      } else this.#kill(worker, `it has not answered for ${silence / 1000} s`);
    }
  }

  #giveUp(): void {
    this.#actions.push({ do: "log", line: "no worker has served for 60 s: giving up" });
    for (const worker of this.#workers) this.#actions.push({ do: "kill", worker: worker.id });
    this.#end("failed");
  }

  #log({ id, slot }: Worker, what: string): void {
    this.#actions.push({ do: "log", line: what, worker: id, slot });
  }
}

function describe({ code, signal }: Ending): string {
  if (signal === "SIGKILL") return "SIGKILL, out of memory?";
  return signal ?? (code === null ? "it could not be started" : `exit code ${code}`);
}
