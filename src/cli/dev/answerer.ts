/** Answers the requests of `fcgi dev`: with responses of the application, or with its errors. */
import { messageOf } from "../../log/describe.ts";
import { oneLine } from "../../log/line.ts";
import type { HttpPeer } from "../../runtime/http/http_front.ts";
import type { Terminal } from "../terminal.ts";
import { type ExcerptLine, excerptOf } from "./excerpt.ts";
import { type Failure, failureOf } from "./failure.ts";
import type { Generations } from "./generations.ts";
import { isKnownHost, isLocal } from "./hosts.ts";
import { FAILURE_HEADER, type ReportedFailure } from "./messages.ts";
import { pageHtml, pageText, type Report } from "./page.ts";
import { AppProcess } from "./process.ts";
import { requestLine } from "./request_line.ts";
import { watchEnd } from "./watch_end.ts";

// As loaded: applications replace the global.
const { Response, TextDecoder, URL } = globalThis;

/** Both ends of an HTTP connection. */
interface Ends {
  readonly peer: HttpPeer;
  readonly own: HttpPeer;
}

export class Answerer {
  readonly #generations: Generations;
  readonly #terminal: Terminal;
  readonly #host: string | undefined;

  /** @param host The host that the command line names. */
  constructor(generations: Generations, terminal: Terminal, host: string | undefined) {
    this.#generations = generations;
    this.#terminal = terminal;
    this.#host = host;
  }

  /** Answers a request, and prints a line on it. */
  async answer(request: Request, ends: Ends): Promise<Response> {
    const began = performance.now();
    const { method, url } = request;
    const response = await this.#respond(request, ends);
    const { status } = response;
    return watchEnd(response, (end) => {
      const line = requestLine(
        { method, url, status, duration: performance.now() - began, end },
        this.#terminal.isInteractive,
      );
      // Nobody may be there to read it.
      this.#terminal.out(`${line}\n`).catch(() => {});
    });
  }

  async #respond(request: Request, ends: Ends): Promise<Response> {
    const { hostname } = new URL(request.url);
    if (!isKnownHost(hostname, this.#host)) return unknownHost(hostname);
    const current = await this.#generations.current();
    const what = `${request.method} ${new URL(request.url).pathname}`;
    if (!(current instanceof AppProcess)) {
      return await this.#page(request, ends, "The application does not run", current);
    }
    const log = new HeldLines((line) => this.#terminal.err(oneLine(line)));
    try {
      const response = await current.fetch(request, ends, (line) => log.add(line));
      const failure = response.headers.has(FAILURE_HEADER) && response.body !== null
        ? await response.json() as ReportedFailure
        : undefined;
      log.release(failure?.logLine);
      return failure === undefined ? response : await this.#page(request, ends, what, failure);
    } catch (error) {
      log.release();
      if (!request.signal.aborted) this.#terminal.err(`fcgi dev: ${messageOf(error)}`);
      return await this.#page(
        request,
        ends,
        `${what}: there is no response`,
        failureOf(error),
        502,
      );
    }
  }

  async #page(
    request: Request,
    { peer, own }: Ends,
    what: string,
    failure: Failure,
    status = 500,
  ): Promise<Response> {
    if (!isLocal(peer.hostname, own.hostname)) {
      return new Response(status === 502 ? "Bad Gateway\n" : "Internal Server Error\n", { status });
    }
    const report: Report = { what, failure, excerpt: await this.#excerpt(failure) };
    const isHtml = request.headers.get("accept")?.includes("text/html") === true;
    return new Response(isHtml ? pageHtml(report) : pageText(report), {
      status,
      headers: {
        "content-type": `text/${isHtml ? "html" : "plain"}; charset=utf-8`,
        "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
      },
    });
  }

  /** Prints a failure on the terminal. */
  async print(failure: Failure, what: string): Promise<void> {
    const text = pageText({
      what: `fcgi dev: ${what}`,
      failure,
      excerpt: await this.#excerpt(failure),
    });
    this.#terminal.err(text.trimEnd().replaceAll("\n", "\n    "));
  }

  /** The source around the place of a failure; empty if there is none, or it cannot be read. */
  async #excerpt({ place }: Failure): Promise<ExcerptLine[]> {
    if (place === undefined) return [];
    try {
      const bytes = await this.#terminal.read(place.file);
      return excerptOf(new TextDecoder().decode(bytes), place.line);
    } catch {
      return [];
    }
  }
}

/** The lines that an application logs for a request, held until there is a response. */
class HeldLines {
  readonly #print: (line: string) => void;
  #held: string[] | undefined = [];

  constructor(print: (line: string) => void) {
    this.#print = print;
  }

  add(line: string): void {
    if (this.#held === undefined) this.#print(line);
    else this.#held.push(line);
  }

  /** Prints them, but for the one that has been printed already. */
  release(printed?: string): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const line of held) if (oneLine(line) !== printed) this.#print(line);
  }
}

function unknownHost(host: string): Response {
  const text = `403 Forbidden

fcgi dev answers requests for localhost, and not for ${host}: a page on the web could have sent them.
If the name is this machine's, start with --host ${host}
`;
  return new Response(text, {
    status: 403,
    headers: { "content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff" },
  });
}
