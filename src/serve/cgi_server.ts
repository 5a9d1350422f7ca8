/** The server that `serve()` returns in a plain CGI program: it serves one request. */
import type { FastCgiServer } from "./server.ts";
import { Readiness } from "./readiness.ts";
import type { ServeAddress } from "./options.ts";
import type { ServerStats } from "../server/application/stats.ts";

/** {@link FastCgiServer} for one CGI request. It does not listen, and there is nothing to stop. */
export class CgiServer implements FastCgiServer {
  readonly #startTime = Date.now();
  readonly addr: ServeAddress = { transport: "unix", path: "" };
  readonly #readiness: Readiness<ServeAddress>;
  #isAnswered = false;

  /** Takes a promise that settles when the request has been answered. */
  constructor(answered: Promise<unknown>) {
    answered.finally(() => this.#isAnswered = true).catch(() => {});
    this.#readiness = new Readiness(answered.then(() => this.addr), () => true);
  }

  get ready(): Promise<ServeAddress> {
    return this.#readiness.promise;
  }

  get finished(): Promise<void> {
    return this.#readiness.settled;
  }

  shutdown(): Promise<void> {
    return this.finished;
  }

  stats(): ServerStats {
    const startTime = this.#startTime;
    const active = this.#isAnswered ? 0 : 1;
    return {
      startTime,
      connections: { active, accepted: 1, refused: 0 },
      requests: { active, maxActive: 1, accepted: 1, rejected: 0, failed: 0, aborted: 0 },
    };
  }

  ref(): void {}

  unref(): void {}

  [Symbol.asyncDispose](): Promise<void> {
    return this.finished;
  }
}
