/**
 * The supervisor of workers: carries out what its {@link Plan} decides. It never runs code of the
 * application, and never accepts a connection.
 */
import type { StatusReport } from "../status/report.ts";
import { answer } from "./answer.ts";
import type { ToSupervisor, WorkerReport } from "./messages.ts";
import { Plan } from "./plan.ts";
import type { Action, Ending, PlanEvent, PlanOptions } from "./plan_events.ts";
import { PastWorkers } from "./past_workers.ts";
import { poolStatus } from "./pool_status.ts";
import { Reopening } from "./reopening.ts";
import type { ChildHandle, Outcome, SupervisorHost } from "./supervisor_host.ts";

// As loaded: `fcgi serve` runs applications, which replace the global.
const { Map, Promise } = globalThis;

/** How long a status waits for the workers, in milliseconds. */
const STATUS_TIMEOUT = 500;
/** The longest time that a timer can wait: a longer one would fire at once. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** A worker with its process. */
interface LiveWorker {
  readonly child: ChildHandle;
  /** When it was started, milliseconds since the epoch. */
  readonly startTime: number;
  /** What it has said of itself last. */
  report: WorkerReport | undefined;
}

export class Supervisor {
  readonly #plan: Plan;
  readonly #host: SupervisorHost;
  readonly #pool: string;
  readonly #live = new Map<number, LiveWorker>();
  readonly #past = new PastWorkers();
  readonly #startTime = Date.now();
  readonly #finished: PromiseWithResolvers<Outcome> = Promise.withResolvers();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #restarts = 0;
  #isOpen = true;
  #reopening: Reopening | undefined;
  /** Called at the next answer, or the end, of a worker. */
  readonly #awaiting = new Map<number, (() => void)[]>();
  /** Those that wait for the end of a reload; with the number of reloads to wait for. */
  #reloading: { reloads: number; done: (failure: string | undefined) => void }[] = [];

  /** @param pool The name of all this, for the status. */
  constructor(pool: string, options: PlanOptions, host: SupervisorHost) {
    this.#pool = pool;
    this.#host = host;
    this.#plan = new Plan(options, () => host.random());
  }

  /** Starts the workers; resolves when all is over. */
  run(): Promise<Outcome> {
    this.tell({ type: "start" });
    return this.finished;
  }

  /** Resolves when all is over. */
  get finished(): Promise<Outcome> {
    return this.#finished.promise;
  }

  /** Takes an event, and does what follows from it. */
  tell(event: PlanEvent): void {
    for (const action of this.#plan.on(event, this.#host.now())) this.#carryOut(action);
    this.#setTimer();
  }

  /** Asks every worker to open its logs again; resolves with whether all have. */
  reopen(): Promise<boolean> {
    const before = this.#reopening;
    this.#reopening = new Reopening(this.#live, (line) => this.#host.log(line));
    before?.supersede(this.#reopening);
    return this.#reopening.done;
  }

  /**
   * Reloads, because somebody has asked to; resolves with why that has failed, or with `undefined`.
   *
   * @param worker The one that was asked, if it was one.
   */
  reload(worker?: number): Promise<string | undefined> {
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    if (this.#isEnding) return Promise.resolve("it is being stopped");
    // One that is under way was started for something else.
    const reloads = this.#plan.state.isReloading ? 2 : 1;
    this.#reloading.push({ reloads, done: resolve });
    this.tell({ type: "reload", ...worker === undefined ? {} : { worker } });
    return promise;
  }

  /** Asks all workers how they are. */
  async status(): Promise<StatusReport> {
    const asked = this.#plan.state.workers.filter(({ state }) => state !== "starting");
    const silent = new Set(asked.map(({ id }) => id));
    const { promise: complete, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, STATUS_TIMEOUT);
    for (const id of [...silent]) {
      this.#awaiting.set(id, [...this.#awaiting.get(id) ?? [], () => {
        silent.delete(id);
        if (silent.size === 0) resolve();
      }]);
      this.#live.get(id)?.child.send({ type: "ping" });
    }
    if (silent.size > 0) await complete;
    clearTimeout(timer);
    return this.#statusWith(silent);
  }

  #statusWith(silent: ReadonlySet<number>): StatusReport {
    const { phase, generation, workers } = this.#plan.state;
    const processes = workers.flatMap(({ id, slot, generation, state }) => {
      const worker = this.#live.get(id);
      if (worker === undefined) return [];
      const { child: { pid }, startTime, report } = worker;
      return [{ pid, startTime, report, slot, generation, state, isStale: silent.has(id) }];
    });
    return poolStatus({
      name: this.#pool,
      startTime: this.#startTime,
      phase,
      generation,
      restarts: this.#restarts,
      listenQueue: this.#host.listenQueue(),
      past: this.#past,
      processes,
    }, Date.now());
  }

  #carryOut(action: Action): void {
    switch (action.do) {
      case "spawn":
        if (action.replaces) this.#restarts++;
        return this.#spawn(action.worker, action.slot);
      case "drain":
      case "ping":
        return this.#live.get(action.worker)?.child.send({ type: action.do });
      case "kill":
        return this.#live.get(action.worker)?.child.kill();
      case "open":
        return void this.#open();
      case "close":
        return this.#host.close();
      case "log":
        return this.#log(action);
      case "reloaded":
        return this.#reloaded(action.failure);
      case "exit":
        this.#finished.resolve(this.#isOpen ? action.code : "failed");
    }
  }

  #log({ line, worker, slot }: Action & { do: "log" }): void {
    if (worker === undefined) return this.#host.log(line);
    this.#host.log(`worker ${slot} (pid ${this.#live.get(worker)?.child.pid ?? "?"}): ${line}`);
  }

  #spawn(id: number, slot: number): void {
    const child = this.#host.spawn(slot, {
      message: (message) => this.#receive(id, message),
      exit: (how) => this.#exited(id, how),
    });
    this.#live.set(id, { child, startTime: Date.now(), report: undefined });
  }

  async #open(): Promise<void> {
    try {
      await this.#host.open();
    } catch (error) {
      this.#host.log((error as Error).message);
      this.#isOpen = false;
      this.tell({ type: "stop" });
    }
  }

  #receive(id: number, message: ToSupervisor): void {
    const worker = this.#live.get(id);
    if (worker === undefined) return;
    switch (message.type) {
      case "ready":
      case "closed":
        return this.tell({ type: message.type, worker: id });
      case "pong":
        worker.report = message.report;
        this.#answered(id);
        return this.tell({ type: "pong", worker: id });
      case "retire":
        return this.tell({ type: "retire", worker: id, why: message.why });
      case "reopened":
        return this.#reopening?.heard(id);
      case "ask":
        void answer(this, message.what, id).then((body) =>
          worker.child.send({ type: "answer", id: message.id, body })
        );
    }
  }

  #exited(id: number, how: Ending): void {
    const worker = this.#live.get(id);
    this.#answered(id);
    this.#reopening?.heard(id);
    if (worker?.report !== undefined) this.#past.add(worker.report);
    this.tell({ type: "exit", worker: id, how });
    this.#live.delete(id);
  }

  #answered(id: number): void {
    const awaiting = this.#awaiting.get(id) ?? [];
    this.#awaiting.delete(id);
    for (const answered of awaiting) answered();
  }

  #reloaded(failure: string | undefined): void {
    const waiting = this.#reloading;
    this.#reloading = [];
    for (const one of waiting) {
      if (--one.reloads === 0 || this.#isEnding) one.done(failure);
      else this.#reloading.push(one);
    }
  }

  get #isEnding(): boolean {
    const { phase } = this.#plan.state;
    return phase === "stopping" || phase === "stopped";
  }

  #setTimer(): void {
    clearTimeout(this.#timer);
    const { wakeAt } = this.#plan;
    if (wakeAt === Infinity) return;
    this.#timer = setTimeout(
      () => this.tell({ type: "time" }),
      Math.min(LONGEST_TIMER, Math.max(0, Math.ceil(wakeAt - this.#host.now()))),
    );
  }
}
