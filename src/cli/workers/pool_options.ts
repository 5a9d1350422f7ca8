/** The options of `fcgi serve` that are about workers. */
import { type Arguments, type OptionSpec, UsageError } from "../command.ts";
import { numberOf } from "../numbers.ts";
import type { PlanOptions } from "./plan_events.ts";
import type { RetireLimits } from "./retire.ts";

/** As many as there are processors, up to this. */
const MOST_AUTOMATIC = 8;
/** What one supervisor can watch. */
const MOST = 512;
const START_TIMEOUT = 60;
const STOP_TIMEOUT = 30;
const HANG_TIMEOUT = 60;

export const POOL_OPTIONS: readonly OptionSpec[] = [
  {
    name: "workers",
    short: "w",
    value: "N",
    fallback: "WEB_CONCURRENCY, else one process without a supervisor",
    help: "serve with N processes on one socket, or one for each processor: auto",
    synonyms: ["processes", "instances", "jobs"],
  },
  {
    name: "socket-per-worker",
    help: "a socket for each, for web servers that keep connections: app.sock is app.0.sock, ...",
  },
  {
    name: "control",
    value: "PATH",
    help: "a socket of the supervisor itself, for you alone: for fcgi status, reload, reopen, stop",
  },
  {
    name: "start-timeout",
    value: "SECONDS",
    fallback: `${START_TIMEOUT}`,
    help: "until a worker is ready",
  },
  {
    name: "stop-timeout",
    value: "SECONDS",
    fallback: `${STOP_TIMEOUT}`,
    help: "for a worker to answer what it has begun",
  },
  {
    name: "hang-timeout",
    value: "SECONDS",
    fallback: `${HANG_TIMEOUT}`,
    help: "until a worker whose event loop is blocked is killed; 0 is never",
  },
  {
    name: "recycle-requests",
    value: "N",
    fallback: "0, no limit",
    help: "after so many requests a worker is replaced",
  },
  {
    name: "recycle-age",
    value: "SECONDS",
    fallback: "0, no limit",
    help: "after so long a worker is replaced",
  },
  {
    name: "recycle-memory",
    value: "MIB",
    fallback: "0, no limit",
    help: "with more resident memory a worker is replaced",
  },
];

/** What a supervisor is told. */
export interface PoolSettings {
  /** Whether each worker has a socket of its own, and not all the same. */
  readonly isSocketPerWorker: boolean;
  /** The path of the supervisor's own socket. */
  readonly control: string | undefined;
  readonly plan: PlanOptions;
  readonly limits: RetireLimits;
}

/**
 * The settings of a supervisor; `undefined` if there is to be none.
 *
 * @param count The number of workers, as a text.
 * @param processors How many there are.
 * @throws {UsageError} If one is not a number, or makes no sense without workers.
 */
export function poolSettings(
  args: Arguments,
  count: string | undefined,
  processors: number,
): PoolSettings | undefined {
  const workers = workersOf(count, processors);
  if (workers === undefined) {
    const lonely = POOL_OPTIONS.find(({ name }) => args.has(name));
    if (lonely === undefined) return undefined;
    throw new UsageError(`--${lonely.name} is for workers: add --workers N`);
  }
  const number = (name: string, fallback: number) => numberOf(name, args.value(name)) ?? fallback;
  return {
    isSocketPerWorker: args.has("socket-per-worker"),
    control: args.value("control"),
    plan: {
      workers,
      startTimeout: number("start-timeout", START_TIMEOUT) * 1000,
      stopTimeout: number("stop-timeout", STOP_TIMEOUT) * 1000,
      hangTimeout: number("hang-timeout", HANG_TIMEOUT) * 1000,
    },
    limits: {
      requests: number("recycle-requests", 0),
      age: number("recycle-age", 0),
      memory: number("recycle-memory", 0) * 2 ** 20,
    },
  };
}

function workersOf(text: string | undefined, processors: number): number | undefined {
  if (text === undefined) return undefined;
  if (text === "auto") return Math.min(processors, MOST_AUTOMATIC);
  const workers = Number(text);
  if (/^\d{1,3}$/.test(text) && workers >= 1 && workers <= MOST) return workers;
  throw new UsageError(`--workers cannot be ${text}: it is a number from 1 to ${MOST}, or auto`);
}
