/**
 * A file that whole lines are added to, by several processes at once.
 *
 * Lines are written soon, but not at once, and in the background: nobody waits for a disk. Those
 * that are left when the process ends are written then. Each write is one of whole lines, at most
 * 4096 bytes, to a file that is open for appending (or to a pipe, where that is the size of a write
 * that stays together): so no line is in the middle of another process's.
 */
import { Buffer } from "node:buffer";
import process from "node:process";
import { clearTimeout, setTimeout } from "node:timers";
import { type AppendFile, openToAppend } from "./append_file.ts";
import { isDeno } from "./deno.ts";
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

/** Deno has no event `exit` where an error ends the process, but these. */
const DENO_ENDS = isDeno ? ["error", "unhandledrejection"] : [];

type Timer = ReturnType<typeof setTimeout>;

export class LineFile {
  readonly #path: string | undefined;
  readonly #tell: (problem: string) => void;
  #file: AppendFile | undefined;
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
    const old = this.#file;
    try {
      this.#file = openToAppend(this.#path);
    } catch (error) {
      return this.#tell(`Cannot open ${this.#path} again: ${messageOf(error)}`);
    }
    await this.#write?.catch(() => {});
    old?.close();
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
    // Standard error stays open, and a write that hangs is left alone.
    if (this.#path !== undefined && this.#write === undefined) this.#file?.close();
    this.#file = undefined;
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

  #open(): AppendFile {
    return this.#file ??= openToAppend(this.#path);
  }

  /** Writes a batch, or the part of it that the system takes. */
  async #writeSome(file: AppendFile, batch: Buffer): Promise<void> {
    this.#written(batch, await file.write(batch));
  }

  #written(batch: Buffer, length: number): void {
    this.#batch = length < batch.length ? batch.subarray(length) : undefined;
  }

  /** Writes what is left, at once. */
  #writeRest(): void {
    // What the system has is on its way, and on Deno the file is busy with it.
    const isBusy = this.#write !== undefined;
    if (isBusy) this.#batch = undefined;
    try {
      while ((this.#batch ??= this.#nextBatch()) !== undefined) {
        const file = isBusy ? openToAppend(this.#path) : this.#open();
        this.#written(this.#batch, file.writeSync(this.#batch));
        if (isBusy && this.#path !== undefined) file.close();
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
    openToAppend(path).close();
  } catch (error) {
    throw new Error(`Cannot open the access log: ${messageOf(error)}`);
  }
}
