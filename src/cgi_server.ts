/** What `serve()` returns in a plain CGI program: a server for one request. */
import type { FastCgiServer } from "./fastcgi_server.ts";
import type { ServeAddress } from "./serve_options.ts";

/** {@link FastCgiServer} over the answer to one CGI request. There is nothing to listen on, and nothing to stop. */
export class CgiServer implements FastCgiServer {
  readonly addr: ServeAddress = { transport: "unix", path: "" };
  readonly ready: Promise<ServeAddress>;
  readonly finished: Promise<void>;

  /** Takes what is to be waited for. */
  constructor(answered: Promise<unknown>) {
    // Nobody has to look at `ready`: left alone, a rejection ends the program with the reason on standard error.
    this.ready = answered.then(() => this.addr);
    this.finished = answered.then(() => {}, () => {});
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
