/**
 * A `Response` of another making: npm's undici and node-fetch, the one of a framework, one from
 * another realm, one from before the global was replaced.
 *
 * No constructor tells what it is. What has a status, headers that iterate and a body of bytes is a
 * response: this file reads those, checks them, and gives them the shape of the runtime's.
 */
import type { ResponseHeadSource } from "../../cgi/response_head.ts";
import { summarize } from "../../log/describe.ts";
import type { BodyReader } from "./body_start.ts";
import { isBytes } from "./chunk.ts";
import type { ChunkRead } from "./chunk_reader.ts";

/** What is sent: a `Response` of the runtime's is one. */
export interface ResponseLike extends ResponseHeadSource {
  /** The URL it was fetched from; `""` if it was not. */
  readonly url: string;
  readonly headers: ResponseHeadSource["headers"] & { get(name: string): string | null };
  readonly body: { readonly locked: boolean; getReader(): BodyReader } | null;
  readonly bodyUsed: boolean;
}

/** Any object, of which nothing is known. */
type Unknown = { readonly [name: PropertyKey]: unknown };

/** Where the chunks of a body come from. */
interface ChunkSource {
  next(): PromiseLike<{ done?: boolean; value?: unknown }>;
  stop(reason: unknown): unknown;
}

/**
 * Reads a response that is not of the runtime's own class.
 *
 * @throws {TypeError} If it is no response.
 */
export function foreignResponse(value: unknown): ResponseLike {
  const { status, statusText, url, headers, body, bodyUsed } = (value ?? {}) as Unknown;
  const source = body === null ? null : chunkSource(body);
  if (typeof status !== "number" || !isIterable(headers) || source === undefined) {
    throw new TypeError(
      `Cannot send the handler's answer: it is ${summarize(value)}, not Response`,
    );
  }
  return {
    status,
    statusText: typeof statusText === "string" ? statusText : "",
    url: typeof url === "string" ? url : "",
    headers: new HeaderList(headers),
    body: source && {
      locked: (body as Unknown).locked === true,
      getReader: () => new ForeignReader(source()),
    },
    bodyUsed: bodyUsed === true,
  };
}

/** The header lines of any `Headers`, `Map` or list of pairs. */
class HeaderList {
  readonly #lines: [name: string, value: string][] = [];

  constructor(headers: Iterable<unknown> & Unknown) {
    for (const line of headers) {
      const [name, value] = line as [unknown, unknown];
      // Elsewhere they are joined, and cannot be told apart again.
      if (String(name).toLowerCase() !== "set-cookie") this.#add(name, value);
    }
    for (const cookie of cookiesOf(headers)) this.#add("set-cookie", cookie);
  }

  forEach(visit: (value: string, name: string) => void): void {
    for (const [name, value] of this.#lines) visit(value, name);
  }

  get(wanted: string): string | null {
    const values = this.#lines.filter(([name]) => name === wanted).map(([, value]) => value);
    return values.length === 0 ? null : values.join(", ");
  }

  #add(name: unknown, value: unknown): void {
    if (Array.isArray(value)) return value.forEach((each) => this.#add(name, each));
    this.#lines.push([String(name).toLowerCase(), String(value)]);
  }
}

/** The values of `Set-Cookie`, one by one: the standard's way, node-fetch's, and that of a list. */
function cookiesOf(headers: Iterable<unknown> & Unknown): unknown[] {
  if (typeof headers.getSetCookie === "function") return headers.getSetCookie();
  const lines = typeof headers.raw === "function" ? Object.entries(headers.raw()) : headers;
  return Array.from(lines as Iterable<[unknown, unknown]>)
    .filter(([name]) => String(name).toLowerCase() === "set-cookie")
    .flatMap(([, value]) => value);
}

/** Opens a body; `undefined` if it is none. Nothing is taken from it before it is opened. */
function chunkSource(body: unknown): (() => ChunkSource) | undefined {
  if (typeof body === "string" || isBytes(body)) return () => ofOneChunk(body);
  if (typeof body !== "object" || body === null) return undefined;
  const object = body as Unknown;
  if (typeof object.getReader === "function") {
    return () => {
      const reader = (object as unknown as ReadableStream<unknown>).getReader();
      return { next: () => reader.read(), stop: (reason) => reader.cancel(reason) };
    };
  }
  const iterate = object[Symbol.asyncIterator];
  if (typeof iterate === "function") return () => ofIterable(object, iterate.call(object));
  return undefined;
}

function ofOneChunk(value: unknown): ChunkSource {
  let done = false;
  return {
    next() {
      const chunk = { done, value };
      done = true;
      return Promise.resolve(chunk);
    },
    stop() {},
  };
}

/** A stream of Node's, or whatever else is asynchronous and iterates. */
function ofIterable(body: Unknown, iterator: AsyncIterator<unknown>): ChunkSource {
  const { destroy, on } = body;
  return {
    next: () => iterator.next(),
    stop() {
      if (typeof destroy !== "function") return iterator.return?.();
      // `return` would wait for the chunk that is on its way; and what a stream of Node's fails
      // with when nobody iterates over it any more would end the process.
      if (typeof on === "function") on.call(body, "error", () => {});
      destroy.call(body);
    },
  };
}

/** Reads a body as the reader of a `ReadableStream` does. */
class ForeignReader implements BodyReader {
  readonly #source: ChunkSource;
  /** Ends the read that is under way, if one is. */
  #end: (() => void) | undefined;
  #isOver = false;

  constructor(source: ChunkSource) {
    this.#source = source;
  }

  read(): Promise<ChunkRead<unknown>> {
    return new Promise((resolve, reject) => {
      const end = this.#end = () => resolve({ done: true, value: undefined });
      if (this.#isOver) return end();
      this.#source.next().then((chunk) => {
        if (chunk.done !== true) return resolve({ done: false, value: chunk.value });
        this.#isOver = true;
        end();
      }, reject);
    });
  }

  /** Whatever is still read then is the end. */
  async cancel(reason?: unknown): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#end?.();
    await this.#source.stop(reason);
  }
}

function isIterable(value: unknown): value is Iterable<unknown> & Unknown {
  return typeof value === "object" && value !== null &&
    typeof (value as Unknown)[Symbol.iterator] === "function";
}
