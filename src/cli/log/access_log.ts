/** The access log of a process, and its lines on slow requests. */
import { print } from "../../log/print.ts";
import { LineFile } from "../../runtime/line_file.ts";
import {
  memoryUsed,
  parentProcessId,
  processId,
  processorTime,
} from "../../runtime/this_process.ts";
import type { EndedRequest, RequestObserver } from "../../server/application/observer.ts";
import { type LogEntry, type LoggingProcess, statusOf, urlOf } from "./entry.ts";
import { BYTES, escape } from "./escape.ts";
import { LogFormat } from "./format.ts";

// As loaded: applications replace the global.
const { TextEncoder } = globalThis;

/** What is logged. */
export interface LogSettings {
  /** The format of the access log; without one there is none. */
  readonly format?: string;
  /** Its file; standard error without one. */
  readonly file?: string;
  /** Milliseconds; a request that takes longer is told on standard error. */
  readonly slow?: number;
}

/** The most of a URL in a line on a slow request. */
const MAX_URL = 2048;

export class AccessLog implements RequestObserver {
  readonly #format: LogFormat | undefined;
  readonly #file: LineFile | undefined;
  readonly #slow: number;
  readonly #process: LoggingProcess;
  #slowRequests = 0;

  /**
   * @param pool The name of what is served.
   * @throws {SyntaxError} If the format has a mistake.
   */
  constructor({ format, file, slow = Infinity }: LogSettings, pool: string) {
    if (format !== undefined) {
      this.#format = new LogFormat(format);
      this.#file = new LineFile(file, (problem) => print(`fcgi: ${problem}`));
    }
    this.#slow = slow;
    this.#process = {
      pid: processId,
      // Text of a log is bytes.
      pool: String.fromCharCode(...new TextEncoder().encode(pool)),
      parentPid: parentProcessId,
      memory: memoryUsed,
      processorTime,
    };
  }

  /** How many requests have taken longer than they should. */
  get slowRequests(): number {
    return this.#slowRequests;
  }

  begin(): (request: EndedRequest) => void {
    const startTime = Date.now();
    const start = performance.now();
    const processor = this.#format?.usesProcessorTime ? processorTime() : undefined;
    return (request) => {
      const duration = performance.now() - start;
      const { user, system } = processor === undefined ? NOTHING : processorTime();
      const used = processor && { user: user - processor.user, system: system - processor.system };
      const endTime = startTime + duration;
      this.#ended({ request, by: this.#process, startTime, endTime, duration, used });
    };
  }

  /** Opens the file again; resolves when nothing comes to the old one any more. */
  async reopen(): Promise<void> {
    await this.#file?.reopen();
  }

  /** Writes what there is. */
  async close(): Promise<void> {
    await this.#file?.close();
  }

  #ended(entry: LogEntry): void {
    if (this.#format !== undefined) this.#file?.add(this.#format.line(entry));
    if (entry.duration <= this.#slow) return;
    this.#slowRequests++;
    print(`fcgi: ${slowLine(entry)}`);
  }
}

const NOTHING = { user: 0, system: 0 };

/** What is told of a slow request. */
function slowLine(entry: LogEntry): string {
  const { request: { method, params }, duration } = entry;
  const { path = "-", query } = urlOf(entry.request.params);
  const url = escape(query === "" ? path : `${path}?${query}`, BYTES, MAX_URL);
  const host = escape(params.get("HTTP_HOST") ?? "", BYTES, MAX_URL);
  return `Slow: ${method || "-"} ${host}${url} took ${Math.round(duration)} ms, status ${
    statusOf(entry)
  }`;
}

/** Starts to log; `undefined` if nothing is to be logged. */
export function startLog(settings: LogSettings, pool: string): AccessLog | undefined {
  const { format, slow } = settings;
  return format === undefined && slow === undefined ? undefined : new AccessLog(settings, pool);
}
