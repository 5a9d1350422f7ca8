/** The server that `serve()` returns in a plain CGI program: it serves one request. */
import type { FastCgiServer } from "./server.ts";
import { Readiness } from "./readiness.ts";
import type { ServeAddress } from "./options.ts";

/** {@link FastCgiServer} for one CGI request. It does not listen, and there is nothing to stop. */
export class CgiServer implements FastCgiServer {
  readonly addr: ServeAddress = { transport: "unix", path: "" };
  readonly #readiness: Readiness<ServeAddress>;

  /** Takes a promise that settles when the request has been answered. */
  constructor(answered: Promise<unknown>) {
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

  ref(): void {}

  unref(): void {}

  [Symbol.asyncDispose](): Promise<void> {
    return this.finished;
  }
}
