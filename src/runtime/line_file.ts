/**
 * A file that whole lines are added to, by several processes at once.
 *
 * Lines are written soon, but not at once, and in the background: nobody waits for a disk. Those
 * that are left when the process ends are written then. Each write is one of whole lines, at most
 * 4096 bytes, to a file that is open for appending (or to a pipe, where that is the size of a write
 * that stays together): so no line is in the middle of another process's.
 */
import { Buffer } from "node:buffer";
import { closeSync, openSync, write, writeSync } from "node:fs";
import process from "node:process";
import { clearTimeout, setTimeout } from "node:timers";
import { isDeno, isGranted } from "./deno.ts";
import { messageOf } from "../log/describe.ts";

// As loaded: applications replace the global.
const { Promise } = globalThis;

/** The most bytes of a write: PIPE_BUF of Linux. */
const MAX_WRITE = 4096;
/** How long a line waits for others, in milliseconds. */
const DELAY = 50;
/** After what time a write that has failed is tried again, in milliseconds. */
const RETRY = 1_000;
/** How often a problem is told, in milliseconds. */
const TELL_INTERVAL = 60_000;
/** What may wait to be written, in UTF-16 code units; more is lost. */
const MAX_WAITING = 4 * 1024 * 1024;
/** How long the last lines may take, in milliseconds. */
const CLOSE_TIMEOUT = 1_000;
/** Logs have addresses of people in them. */
const MODE = 0o640;
const STANDARD_ERROR = 2;

/** Deno has no event `exit` where an error ends the process, but these. */
const DENO_ENDS = isDeno ? ["error", "unhandledrejection"] : [];

type Timer = ReturnType<typeof setTimeout>;

export class LineFile {
  readonly #path: string | undefined;
  readonly #tell: (problem: string) => void;
  #descriptor: number | undefined;
  #lines: string[] = [];
  #waiting = 0;
  /** Taken from the lines, and not written to its end. */
  #batch: Buffer | undefined;
  /** A write that has not come back. */
  #write: Promise<void> | undefined;
  #draining: Promise<void> | undefined;
  #timer: Timer | undefined;
  /** How long lines wait now. */
  #delay = DELAY;
  #lost = 0;
  #toldAt = -Infinity;
  readonly #atExit = () => this.#writeRest();

  /**
   * @param path The file, which is made when it is needed; standard error without one.
   * @param tell Is told what is wrong, for people; at most once a minute.
   */
  constructor(path: string | undefined, tell: (problem: string) => void) {
    this.#path = path;
    this.#tell = tell;
    process.on("exit", this.#atExit);
    for (const event of DENO_ENDS) addEventListener(event, this.#atExit);
  }

  /** Adds a line, with its line feed; never throws. */
  add(line: string): void {
    if (this.#waiting > MAX_WAITING) return void this.#lost++;
    this.#lines.push(line);
    this.#waiting += line.length;
    this.#drainIn(this.#delay);
  }

  /**
   * Opens the file again, since the old one has another name now; resolves when nothing will come
   * to the old one any more. If that fails, the old one stays.
   */
  async reopen(): Promise<void> {
    if (this.#path === undefined) return;
    const old = this.#descriptor;
    try {
      this.#descriptor = openToAppend(this.#path);
    } catch (error) {
      return this.#tell(`Cannot open ${this.#path} again: ${messageOf(error)}`);
    }
    await this.#write?.catch(() => {});
    if (old !== undefined) closeSync(old);
  }

  /** Writes what there is, if that is possible within a second, and closes the file. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, CLOSE_TIMEOUT);
    await Promise.race([this.#draining ?? this.#drain(), late]);
    clearTimeout(timer);
    clearTimeout(this.#timer);
    this.#timer = undefined;
    process.off("exit", this.#atExit);
    for (const event of DENO_ENDS) removeEventListener(event, this.#atExit);
    if (this.#path === undefined || this.#descriptor === undefined) return;
    // A write that hangs is left alone.
    if (this.#write === undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  #drainIn(delay: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.#drain();
    }, delay).unref();
  }

  #drain(): Promise<void> {
    return this.#draining ??= this.#writeAll().finally(() => this.#draining = undefined);
  }

  /** Never rejects. */
  async #writeAll(): Promise<void> {
    try {
      while ((this.#batch ??= this.#nextBatch()) !== undefined) {
        this.#write = this.#writeSome(this.#open(), this.#batch);
        await this.#write;
      }
      this.#delay = DELAY;
      if (this.#lost > 0) this.#tell(`${this.#name} is written again; ${this.#takeLost()} lost`);
    } catch (error) {
      this.#failed(error);
      this.#drainIn(this.#delay = RETRY);
    } finally {
      this.#write = undefined;
    }
  }

  /** As many lines as fit a write, at least one. */
  #nextBatch(): Buffer | undefined {
    let size = 0;
    let count = 0;
    for (const line of this.#lines) {
      size += Buffer.byteLength(line);
      if (count > 0 && size > MAX_WRITE) break;
      count++;
    }
    if (count === 0) return undefined;
    const text = this.#lines.splice(0, count).join("");
    this.#waiting -= text.length;
    return Buffer.from(text);
  }

  #open(): number {
    return this.#descriptor ??= this.#path === undefined
      ? STANDARD_ERROR
      : openToAppend(this.#path);
  }

  /** Writes a batch, or the part of it that the system takes. */
  #writeSome(descriptor: number, batch: Buffer): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    write(descriptor, batch, 0, batch.length, null, (error, length) => {
      if (error !== null) return reject(error);
      this.#batch = length < batch.length ? batch.subarray(length) : undefined;
      resolve();
    });
    return promise;
  }

  /** Writes what is left, at once. */
  #writeRest(): void {
    // What the system has is on its way.
    if (this.#write !== undefined) this.#batch = undefined;
    try {
      while ((this.#batch ??= this.#nextBatch()) !== undefined) {
        const length = writeSync(this.#open(), this.#batch);
        this.#batch = length < this.#batch.length ? this.#batch.subarray(length) : undefined;
      }
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    const now = performance.now();
    if (now - this.#toldAt < TELL_INTERVAL) return;
    this.#toldAt = now;
    const lost = this.#lost > 0 ? `; ${this.#takeLost()} lost` : "";
    this.#tell(`Cannot write to ${this.#name}: ${messageOf(error)}${lost}`);
  }

  get #name(): string {
    return this.#path ?? "standard error";
  }

  #takeLost(): string {
    const lost = this.#lost;
    this.#lost = 0;
    return lost === 1 ? "1 line is" : `${lost} lines are`;
  }
}

/**
 * Makes sure that lines can be added to a file.
 *
 * @throws {Error} If not; the message says why.
 */
export function checkLineFile(path: string): void {
  try {
    closeSync(openToAppend(path));
  } catch (error) {
    throw new Error(`Cannot open the access log: ${messageOf(error)}`);
  }
}

function openToAppend(path: string): number {
  if (isGranted({ name: "write", path })) return openSync(path, "a", MODE);
  throw new Error(`Deno may not write to it. Run deno with --allow-write=${path}`);
}
