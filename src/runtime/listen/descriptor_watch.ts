/**
 * Keeps a listener alive when file descriptors run out (EMFILE, ENFILE). The runtimes then treat a
 * connection in the listen queue like this (measured): Node accepts it with a reserve descriptor,
 * closes it, and goes on. Bun retries in a busy loop, at full CPU load, until a descriptor is free.
 * Deno never accepts anything again, whatever made accept(2) fail. None of them reports it.
 *
 * So a timer checks once a second whether a descriptor is left, and reports if none is (on Deno
 * only with permission to read /dev/null). On Deno it also resumes the listener each time, which
 * accepts the queued connections then. On Bun a descriptor is held in reserve, and released when
 * the others are gone: so queued connections are accepted and closed at once, as on Node, and the
 * busy loop ends.
 */
import { closeSync, openSync } from "node:fs";
import { isGranted } from "../deno.ts";
import { clearInterval, setInterval } from "node:timers";

/** The interval of the checks, in milliseconds; so there is at most one report a second. */
const INTERVAL = 1_000;

/** Options of a {@link DescriptorWatch}: its actions beside the report. */
export interface DescriptorWatchOptions {
  /** Resumes the listener. */
  resume?: (() => void) | undefined;
  /** Whether to hold a reserve descriptor, and refuse connections for which there is no other. */
  refuses?: boolean;
}

/** Watches the file descriptors for one listener. */
export class DescriptorWatch {
  readonly #onError: (error: unknown) => void;
  readonly #resume: (() => void) | undefined;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #hasReserve: boolean;
  /** The reserve descriptor, while it is held. */
  #reserve: number | undefined;
  /** Connections refused since the last report. */
  #refused = 0;

  constructor(onError: (error: unknown) => void, options: DescriptorWatchOptions = {}) {
    this.#onError = onError;
    this.#resume = options.resume;
    this.#hasReserve = options.refuses ?? false;
    if (this.#hasReserve) this.#findReserve();
    this.#timer = setInterval(() => this.#look(), INTERVAL);
    this.#timer.unref();
  }

  /**
   * Whether a connection that has just been accepted is to be closed at once: no descriptor is left
   * for the next.
   */
  refuses(): boolean {
    if (!this.#hasReserve || this.#reserve !== undefined || this.#findReserve() === undefined) {
      return false;
    }
    this.#refused++;
    return true;
  }

  /** The listener has been closed. */
  stop(): void {
    clearInterval(this.#timer);
    this.#giveUpReserve();
  }

  #look(): void {
    if (MAY_LOOK) this.#lookForLack();
    this.#resume?.();
  }

  #lookForLack(): void {
    const isLacking = this.#hasReserve && this.#reserve === undefined;
    const lack = isLacking ? this.#findReserve() : lackOfDescriptors();
    if (lack !== undefined) {
      this.#giveUpReserve();
      this.#report(lack);
    }
  }

  /** Opens the reserve descriptor, if another one is left beside it; returns the error if not. */
  #findReserve(): NodeJS.ErrnoException | undefined {
    let reserve: number;
    try {
      reserve = openSync(NOTHING, "r");
    } catch (error) {
      return isLack(error) ? error : undefined;
    }
    const lack = lackOfDescriptors();
    if (lack === undefined) this.#reserve = reserve;
    else closeSync(reserve);
    return lack;
  }

  #giveUpReserve(): void {
    if (this.#reserve !== undefined) closeSync(this.#reserve);
    this.#reserve = undefined;
  }

  #report({ code }: NodeJS.ErrnoException): void {
    const refused = this.#refused > 0 ? `; ${this.#refused} were refused` : "";
    this.#refused = 0;
    const message = `Cannot accept connections: no file descriptor is left (${code})${refused}. ` +
      "Raise the limit (ulimit -n, LimitNOFILE of systemd), or look for files that are not closed";
    this.#onError(Object.assign(new Error(message), { code }));
  }
}

/** A file that costs only a descriptor to open. */
const NOTHING = "/dev/null";

/** Whether it can be opened without a permission prompt. */
const MAY_LOOK = isGranted({ name: "read", path: NOTHING });

/** The error if no descriptor is left; `undefined` if one is. */
function lackOfDescriptors(): NodeJS.ErrnoException | undefined {
  try {
    closeSync(openSync(NOTHING, "r"));
    return undefined;
  } catch (error) {
    return isLack(error) ? error : undefined;
  }
}

/** EMFILE: the limit of the process; ENFILE: the limit of the system. */
function isLack(error: unknown): error is NodeJS.ErrnoException {
  const { code } = error as NodeJS.ErrnoException;
  return code === "EMFILE" || code === "ENFILE";
}
