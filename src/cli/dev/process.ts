/** A process that runs the application, on a socket of its own. */
import { type ConnectAddress, FastCgiClient } from "../../client/mod.ts";
import { endParams, passOn } from "../../client/pass_on.ts";
import type { HttpPeer } from "../../runtime/http/http_front.ts";
import { loaderCommand } from "../../runtime/program_command.ts";
import { startWorker, type WorkerProcess, workingDirectory } from "../../runtime/worker_process.ts";
import type { Failure } from "./failure.ts";
import type { FromWorker, ToWorker } from "./messages.ts";
import type { DevSettings } from "./worker.ts";

// As loaded: applications replace the global.
const { URL } = globalThis;

const MAIN = new URL("../dev_main.ts", import.meta.url).href;

/** So long a process that is replaced may take for the requests that it has, in milliseconds. */
export const STOP_TIMEOUT = 10_000;
/** So long requests that have no answer yet may keep it from that. */
const PATIENCE = 30_000;
/** What it has beyond its own time-out, to end. */
const KILL_DELAY = 2_000;

/** What becomes of a process. */
export interface ProcessEvents {
  /** It serves. */
  ready(): void;
  /** It cannot load the application, and ends. */
  failed(failure: Failure): void;
  /** It has ended, as it says in words. */
  ended(how: string): void;
}

export class AppProcess {
  readonly #child: WorkerProcess;
  #address: ConnectAddress | undefined;
  /** Requests that have been given to it, and have no response yet. */
  #pending = 0;
  #isRetiring = false;
  #hasEnded = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Starts it. */
  constructor(settings: DevSettings, events: ProcessEvents) {
    const directory = workingDirectory();
    const args = loaderCommand(MAIN, { app: settings.app, directory }, settings);
    this.#child = startWorker({ args, directory }, {
      message: (message) => {
        const said = message as FromWorker;
        if (said.type === "failed") return events.failed(said.failure);
        this.#address = said.address as ConnectAddress;
        events.ready();
      },
      exit: (code, signal, error) => {
        this.#hasEnded = true;
        clearTimeout(this.#timer);
        events.ended(error?.message ?? signal ?? `exit code ${code}`);
      },
    });
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /**
   * Passes a request on.
   *
   * @param onStderr Takes each line that the application logs.
   */
  async fetch(
    request: Request,
    ends: { peer: HttpPeer; own: HttpPeer },
    onStderr: (line: string) => void,
  ): Promise<Response> {
    const client = new FastCgiClient({ ...this.#address!, onStderr });
    this.#pending++;
    try {
      return await passOn(client, request, Object.entries(endParams(ends.peer, ends.own)));
    } finally {
      this.#pending--;
      if (this.#isRetiring && this.#pending === 0) this.drain();
    }
  }

  /** Lets it end when all requests that it was given have reached it. */
  retire(): void {
    if (this.#isRetiring) return;
    this.#isRetiring = true;
    if (this.#pending === 0) this.drain();
    else this.#timer = setTimeout(() => this.drain(), PATIENCE);
  }

  /** Lets it answer what it has, and end. */
  drain(timeout = STOP_TIMEOUT + KILL_DELAY): void {
    if (this.#hasEnded) return;
    const message: ToWorker = { type: "drain" };
    this.#child.send(message);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.kill(), timeout);
  }

  kill(): void {
    if (!this.#hasEnded) this.#child.kill();
  }
}
