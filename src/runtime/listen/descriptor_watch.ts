/**
 * That a listener survives the lack of file descriptors. What the runtimes do when there is none
 * for a connection that waits (measured): Node takes it with one it has in reserve, closes it, and
 * goes on. Bun tries again at once, and so on, with all the CPU there is, until one is free. Deno
 * never accepts anything again, whatever made accept(2) fail. None of them says a word.
 *
 * So once a second this looks whether there is a descriptor left, and tells if there is none (on
 * Deno only with permission to read /dev/null). Deno's listener is set going again each time; who
 * waits comes in then. For Bun one is held in reserve, and given up when the others are gone: so it
 * takes those who wait, they are closed at once, as on Node, and it need not try again.
 */
import { closeSync, openSync } from "node:fs";
import { isGranted } from "../deno.ts";
import { clearInterval, setInterval } from "node:timers";

/** How often it looks, in milliseconds; so there is at most one report a second. */
const INTERVAL = 1_000;

/** What a {@link DescriptorWatch} does beside the report. */
export interface DescriptorWatchOptions {
  /** Sets the listener going again. */
  resume?: (() => void) | undefined;
  /** Whether to hold a descriptor in reserve, and refuse those for whom there is no other. */
  refuses?: boolean;
}

/** Looks after one listener. */
export class DescriptorWatch {
  readonly #onError: (error: unknown) => void;
  readonly #resume: (() => void) | undefined;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #hasReserve: boolean;
  /** The descriptor in reserve, while it is held. */
  #reserve: number | undefined;
  /** How many were refused since the last report. */
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
   * Whether one who has just been accepted is to be closed at once: there is no descriptor left for
   * the next.
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

  /** Takes a descriptor into reserve, if there is another one beside it; returns why not. */
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

/** What costs nothing to open but a descriptor. */
const NOTHING = "/dev/null";

/** Whether it can be opened without asking a person at a terminal. */
const MAY_LOOK = isGranted({ name: "read", path: NOTHING });

/** Why no descriptor can be had; `undefined` if one can. */
function lackOfDescriptors(): NodeJS.ErrnoException | undefined {
  try {
    closeSync(openSync(NOTHING, "r"));
    return undefined;
  } catch (error) {
    return isLack(error) ? error : undefined;
  }
}

/** EMFILE: this process has too many; ENFILE: the system has. */
function isLack(error: unknown): error is NodeJS.ErrnoException {
  const { code } = error as NodeJS.ErrnoException;
  return code === "EMFILE" || code === "ENFILE";
}
