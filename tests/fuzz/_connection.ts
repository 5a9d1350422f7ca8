/**
 * Whatever a peer sends, and whatever handlers do: every byte written belongs to a valid sequence
 * of records (but for the eight zero bytes of an answer that broke off, and then the end), each
 * request that began gets at most one END_REQUEST and nothing behind it, a request that came whole
 * and was not aborted gets exactly one answer, the right one, nothing is thrown out of the engine
 * or rejected behind its back, and when the connection ends everything is let go.
 *
 * @module
 */
import { FastCgiError } from "../../mod.ts";
import { Service } from "../../src/server/service.ts";
import type { Transport } from "../../src/server/connection/transport.ts";
import type { Random } from "../_bytes.ts";
import { fail } from "../_assert.ts";
import type { Target } from "./_fuzz.ts";
import { Desk, HandlerError } from "./_handlers.ts";
import { Judge, type Limits } from "./_judge.ts";
import { cut, damage, randomRequests } from "./_streams.ts";
import { HeldTimers, turn } from "./_watch.ts";

/** Turns of the event loop after which what has not happened will not. */
const PATIENCE = 400;

/** What happens on a connection, in order. */
export type ConnectionStep =
  /**
   * The options of the service, and whether handlers keep others waiting; the first step, if it is
   * there.
   */
  | Limits & { isLazy?: boolean }
  /** Bytes come. */
  | Uint8Array
  /** The event loop turns. */
  | "turn"
  /** The handlers that wait may go on. */
  | "open"
  /** The peer stops reading, and reads again. */
  | "block"
  | "unblock"
  /** The application is to shut down. */
  | "drain"
  /** The same with a deadline. */
  | "shut down"
  /** The peer closes its sending side. */
  | "end"
  /** The connection breaks. */
  | "break"
  /** The timers elapse. */
  | "elapse";

const DEFAULTS: Limits & { isLazy?: boolean } = {
  roles: ["responder"],
  maxRequestsPerConnection: 100,
  maxParams: 1000,
  maxParamsBytes: 262_144,
  maxBufferedBodyBytes: 1_048_576,
  maxBodyBytes: 1e9,
  paramsTimeout: 20_000,
  handlerTimeout: 0,
  writeTimeout: 360_000,
};

/** One connection of a service, without a socket. */
export const connectionTarget: Target<ConnectionStep> = {
  name: "connection",
  invariant:
    "Whatever a peer sends, and whatever handlers do: every byte written belongs to a valid sequence of records (but for " +
    "the eight zero bytes of an answer that broke off, and then the end), each request that began gets at most one " +
    "END_REQUEST and nothing behind it, a request that came whole and was not aborted gets exactly one answer, the right " +
    "one, nothing is thrown out of the engine or rejected behind its back, and when the connection ends everything is " +
    "let go",
  generate(random) {
    const steps: ConnectionStep[] = [{
      roles: random.below(3) > 0 ? ["responder"] : ["responder", "authorizer", "filter"],
      maxRequestsPerConnection: random.pick([100, 100, 100, 2, 1]),
      maxParams: random.pick([1000, 1000, 1000, 4]),
      maxParamsBytes: random.pick([262_144, 262_144, 262_144, 60]),
      maxBufferedBodyBytes: random.pick([1_048_576, 1_048_576, 1000, 0]),
      maxBodyBytes: random.pick([1e9, 1e9, 1e9, 100]),
      // Over at the second tick, which two of the steps make.
      paramsTimeout: random.pick([20_000, 20_000, 1, 0]),
      handlerTimeout: random.pick([0, 0, 0, 1]),
      writeTimeout: random.pick([360_000, 360_000, 1, 0]),
      isLazy: random.below(3) === 0,
    }];
    const records = randomRequests(random, { requests: 3, huge: 60 });
    if (random.below(3) > 0) {
      for (let n = 1 + random.below(3); n > 0; n--) damage(records, random);
    }
    const chance = random.pick([2, 4, 20]);
    for (const chunk of cut(records, random)) {
      steps.push(chunk);
      if (random.below(chance) === 0) steps.push(randomEvent(random));
    }
    const last = random.below(8);
    if (last < 4) steps.push("open", "turn");
    steps.push(random.pick(["end", "end", "break", "drain", "shut down", "elapse", "turn"]));
    for (let n = random.below(6); n > 0; n--) steps.push(random.pick(["elapse", "turn"]));
    return steps;
  },
  async run(steps) {
    using timers = new HeldTimers();
    const run = new ConnectionRun(timers, steps[0]);
    for (const step of steps) await run.step(step);
    await run.finish();
  },
};

function randomEvent(random: Random): ConnectionStep {
  switch (random.below(16)) {
    case 0:
      return random.pick(["end", "break", "drain", "shut down", "elapse", "elapse"]);
    case 1:
    case 2:
      return "block";
    case 3:
    case 4:
      return "unblock";
    case 5:
    case 6:
      return "open";
    default:
      return "turn";
  }
}

/** A case on its way. */
class ConnectionRun implements Transport {
  readonly ownsChunks = true;
  backlog = 0;
  readonly #timers: HeldTimers;
  readonly #desk = new Desk();
  readonly #judge: Judge;
  readonly #service: Service;
  readonly #connection: ReturnType<Service["accept"]>;
  /** Whether time passes while the peer is not read, before handlers go on. */
  readonly #isLazy: boolean;
  #isPaused = false;
  #isBlocked = false;
  /** Whether a write was told to hold back, and nothing since that it may go on. */
  #owesDrained = false;
  #sent: (() => void) | undefined;
  #state: "open" | "ended" | "destroyed" = "open";
  #peerEnded = false;
  /** What went wrong where nobody could be told. */
  #fault: { reason: unknown } | undefined;
  #drained: Promise<void> | undefined;

  constructor(timers: HeldTimers, first: ConnectionStep | undefined) {
    const { isLazy = false, ...options } = isLimits(first) ? first : DEFAULTS;
    this.#isLazy = isLazy;
    this.#timers = timers;
    this.#judge = new Judge(this.#desk, options);
    this.#service = new Service(this.#desk.handler, {
      ...options,
      onError: (error) => this.#heard(error),
    });
    this.#connection = this.#service.accept(this);
  }

  async step(step: ConnectionStep): Promise<void> {
    if (step instanceof Uint8Array) return await this.#receive(step);
    switch (step) {
      case "turn":
        await turn();
        break;
      case "open":
        this.#desk.open();
        break;
      case "block":
        this.#isBlocked = true;
        break;
      case "unblock":
        this.#unblock();
        break;
      case "drain":
        this.#drained ??= this.#service.drain();
        break;
      case "shut down":
        this.#judge.hasDeadline ||= this.#drained === undefined;
        this.#drained ??= this.#service.drain(7000);
        break;
      case "end":
        if (this.#peerEnded || this.#state === "destroyed") break;
        this.#peerEnded = true;
        this.#judge.inputEnded();
        this.#connection.receiveEnd();
        break;
      case "break":
        if (this.#state === "destroyed") break;
        this.#judge.closed();
        this.#connection.closed(new Error("Connection reset"));
        break;
      case "elapse":
        this.#judge.timeHasPassed = true;
        this.#timers.elapse();
    }
    this.#check();
  }

  /** Everything goes on that can; whole requests get their answers, then the connection ends. */
  async finish(): Promise<void> {
    this.#desk.open();
    this.#unblock();
    for (let turns = 0; this.#judge.unanswered !== undefined; turns++) {
      if (turns > PATIENCE) fail(`Request ${this.#judge.unanswered} is not answered`);
      await this.#turn();
    }
    if (this.#state === "open") {
      if (this.#judge.mustHaveEnded) fail("A connection that is not to be kept was kept");
      this.#judge.checkManagement();
    }
    const drained = this.#drained ??= this.#service.drain();
    let isDone = false;
    void drained.then(() => void (isDone = true));
    await this.#turn();
    await this.step("end");
    // Then only a connection that breaks ends it.
    if (this.#desk.hasEndless) await this.step("break");
    for (let turns = 0; !isDone; turns++) {
      if (turns > PATIENCE) fail("The connection does not end");
      await this.#turn();
      // The rest is a matter of time: a peer that does not close is waited for.
      if (turns > 8 && this.#timers.size > 0) await this.step("elapse");
    }
    await this.#checkReleased();
  }

  async #receive(chunk: Uint8Array): Promise<void> {
    if (this.#isPaused) {
      // A transport may have one more chunk on its way; then it waits.
      this.#give(chunk);
      // Long enough for whoever reads nothing to be given up.
      for (let times = 0; times < 3 && this.#isLazy && this.#isPaused; times++) {
        await this.step("elapse");
        await this.#turn();
      }
      this.#desk.open();
      this.#unblock();
      for (let turns = 0; this.#isPaused && this.#state === "open"; turns++) {
        if (turns > PATIENCE) {
          if (this.#desk.hasEndless || this.#judge.mayStandStill) return await this.step("break");
          fail("Nobody reads on, although no handler waits");
        }
        await this.#turn();
      }
      return;
    }
    this.#give(chunk);
  }

  #give(chunk: Uint8Array): void {
    if (this.#peerEnded || this.#state === "destroyed") return;
    // Bytes belong to the connection from then on.
    this.#judge.receive(chunk, () => this.#connection.receive(chunk.slice()));
    this.#check();
  }

  async #turn(): Promise<void> {
    await turn();
    const sent = this.#sent;
    this.#sent = undefined;
    sent?.();
    this.#check();
  }

  #unblock(): void {
    this.#isBlocked = false;
    this.backlog = 0;
    if (!this.#owesDrained || this.#state === "destroyed") return;
    this.#owesDrained = false;
    this.#connection.drained();
  }

  #check(): void {
    if (this.#fault !== undefined) throw this.#fault.reason;
  }

  /** Nothing may be left of a connection that has ended. */
  async #checkReleased(): Promise<void> {
    if (this.#state !== "destroyed") fail("The transport was not destroyed");
    if (this.#timers.size > 0) fail(`${this.#timers.size} timers are left`);
    const { calls } = this.#desk;
    const isLeft = () =>
      calls.some(({ isSettled, openBodies, completed }) =>
        !isSettled || openBodies > 0 || completed === "pending"
      );
    for (let turns = 0; isLeft(); turns++) {
      if (turns > PATIENCE) {
        const what = calls.map(({ index, isSettled, openBodies, completed }) => {
          return `call ${index}: settled ${isSettled}, open bodies ${openBodies}, completed ${completed}`;
        });
        fail(`Not let go: ${what.join("; ")}`);
      }
      await this.#turn();
    }
    for (const { request } of calls) {
      // A body that nobody has read ends, or fails; it does not wait for a peer that has gone.
      if (request.body === null || request.bodyUsed || request.body.locked) continue;
      let isRead = false;
      void request.arrayBuffer().catch(() => {}).then(() => void (isRead = true));
      for (let turns = 0; !isRead; turns++) {
        if (turns > PATIENCE) fail("A request's body neither ends nor fails");
        await turn();
      }
    }
    this.#check();
  }

  /** What reaches `onError` is somebody else's fault, and says so. */
  #heard(error: unknown): Response | void {
    if (error instanceof HandlerError) {
      // An answer of its own, sometimes, where there has been none.
      const { call } = error;
      if (call.expected !== undefined || call.index % 2 === 0) return;
      return call.answer("failed", { status: 502 });
    }
    if (error instanceof FastCgiError) return;
    if (error instanceof DOMException && error.name === "AbortError") return;
    if (error instanceof TypeError && error.message.startsWith("Cannot send ")) return;
    this.#faulty(new Error(`onError heard: ${error}`, { cause: error }));
  }

  #faulty(reason: unknown): void {
    this.#fault ??= { reason };
  }

  #judged(judge: () => void): void {
    // Not thrown: the application would take it for a failure of the transport.
    try {
      judge();
    } catch (reason) {
      this.#faulty(reason);
    }
  }

  write(bytes: Uint8Array): boolean {
    this.#judged(() => {
      if (this.#state !== "open") fail(`Wrote to a transport that is ${this.#state}`);
      // A copy, as it is now: what is given away must not change.
      this.#judge.write(bytes.slice());
    });
    if (!this.#isBlocked) return true;
    this.backlog += bytes.length;
    this.#owesDrained = true;
    return false;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
  }

  end(sent: () => void): void {
    this.#judged(() => {
      if (this.#state !== "open") fail(`Ended a transport that is ${this.#state}`);
      this.#judge.end();
    });
    this.#state = "ended";
    this.#sent = sent;
  }

  destroy(): void {
    this.#judged(() => {
      if (this.#state === "destroyed") fail("Destroyed the transport twice");
      this.#judge.closed();
    });
    this.#state = "destroyed";
  }
}

function isLimits(step: unknown): step is Limits & { isLazy?: boolean } {
  return typeof step === "object" && step !== null && "roles" in step;
}
