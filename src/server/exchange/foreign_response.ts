/**
 * Foreign responses: a `Response` of another implementation (npm's undici and node-fetch, a
 * framework's), of another realm, or from before the global was replaced.
 *
 * No constructor identifies them. Any object with a status, iterable headers and a body of bytes
 * counts as a response (duck typing): this file reads these properties, validates them, and adapts
 * them to the shape of the runtime's.
 */
import type { ResponseHeadSource } from "../../cgi/response_head.ts";
import { summarize } from "../../log/describe.ts";
import type { BodyReader } from "./body_start.ts";
import { isBytes } from "./chunk.ts";
import type { ChunkRead } from "./chunk_reader.ts";

// As loaded: applications replace the global.
const { Promise } = globalThis;

/** The part of a response that is used; the runtime's `Response` has it. */
export interface ResponseLike extends ResponseHeadSource {
  /** The URL that it was fetched from; `""` if it was not fetched. */
  readonly url: string;
  readonly headers: ResponseHeadSource["headers"] & { get(name: string): string | null };
  readonly body: { readonly locked: boolean; getReader(): BodyReader } | null;
  readonly bodyUsed: boolean;
}

/** An object of unknown type. */
type Unknown = { readonly [name: PropertyKey]: unknown };

/** The source of a body's chunks. */
interface ChunkSource {
  next(): PromiseLike<{ done?: boolean; value?: unknown }>;
  stop(reason: unknown): unknown;
}

/**
 * Adapts a response that is not of the runtime's own class.
 *
 * @throws {TypeError} If it is not a response.
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
      // Cookies are added below: some iterators join them, and joined they cannot be split again.
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

/**
 * The values of `Set-Cookie`, one by one: in the way of the Fetch standard, of node-fetch, or of a
 * list.
 */
function cookiesOf(headers: Iterable<unknown> & Unknown): unknown[] {
  if (typeof headers.getSetCookie === "function") return headers.getSetCookie();
  const lines = typeof headers.raw === "function" ? Object.entries(headers.raw()) : headers;
  return Array.from(lines as Iterable<[unknown, unknown]>)
    .filter(([name]) => String(name).toLowerCase() === "set-cookie")
    .flatMap(([, value]) => value);
}

/**
 * A function that opens a body; `undefined` if the value is not a body. Nothing is read before it
 * is opened.
 */
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

/** A Node stream, or any other async iterable. */
function ofIterable(body: Unknown, iterator: AsyncIterator<unknown>): ChunkSource {
  const { destroy, on } = body;
  return {
    next: () => iterator.next(),
    stop() {
      if (typeof destroy !== "function") return iterator.return?.();
      // `return` would wait for the pending chunk; and an error of a Node stream that is no longer
      // iterated would end the process.
      if (typeof on === "function") on.call(body, "error", () => {});
      destroy.call(body);
    },
  };
}

/** Adapts a {@link ChunkSource} to the reader of a `ReadableStream`. */
class ForeignReader implements BodyReader {
  readonly #source: ChunkSource;
  /** Ends the pending read, if there is one. */
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
        try {
          if (chunk.done !== true) return resolve({ done: false, value: chunk.value });
          this.#isOver = true;
          end();
        } catch (error) {
          // What it gave is no object, or one whose properties throw.
          reject(error);
        }
      }, reject);
    });
  }

  /** Cancels the body; a pending read and later ones are at the end. */
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
