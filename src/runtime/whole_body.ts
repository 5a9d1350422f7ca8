/**
 * The body of a `Response` that the runtime has in memory, without the stream around it: on Bun a
 * small request costs a fifth to a quarter less by that, on Deno a seventh (in memory, without a
 * socket: `deno task bench --section=engine --base=29f32ca`).
 *
 * It leans on what the runtimes do not promise: on Deno the fields of a `Response` for
 * `Deno.serve`; on Bun the memory that a `Response` takes, which is more if it has a text or bytes,
 * and `bytes()`, which is settled when it returns. Both are probed when this is loaded. Where a
 * probe fails, and on Node, bodies are read as streams. To be deleted once a stream over a text
 * costs as little as the text.
 */

// As loaded: applications replace the globals.
const { Blob, Headers, ReadableStream, Response } = globalThis;

/**
 * A body as the runtime has it: a text of ASCII alone, or bytes, or soon; `undefined` if it is not
 * in memory.
 */
export type WholeBody = string | Uint8Array | Promise<Uint8Array> | undefined;

type Take = (response: Response) => WholeBody;

/** On Deno: longer texts are encoded at once. */
const MAX_TEXT = 4096;
const ASCII = /^[\0-\x7f]*$/;

/** On Bun: larger bodies are not copied as a whole. */
const MAX_BYTES = 64 * 1024 * 1024;

/** On Bun: no application adds more properties to a `Response`, only to delete them. */
const MAX_PROPERTIES = 64;

const encoder = new TextEncoder();

const take: Take = takeOnDeno() ?? takeOnBun() ?? (() => undefined);

/**
 * Takes the whole body of a `Response`, if that is in memory as a text or as bytes, so that it is
 * used from now on; else returns `undefined`.
 *
 * @param response One of the runtime's own class, with a body that has not been used.
 */
export function takeWholeBody(response: Response): WholeBody {
  // A subclass may have a body of its own (Bun's node-fetch).
  return Object.getPrototypeOf(response) === Response.prototype ? take(response) : undefined;
}

function takeOnDeno(): Take | undefined {
  /** A `Response` of Deno's: `bodyUsed` is `true` once `consumed` is. */
  interface Fields {
    [consumed: symbol]: unknown;
  }
  const isBytes = (value: unknown): value is string | Uint8Array =>
    typeof value === "string" || value instanceof Uint8Array;
  const [lazy, inner, consumed] = symbolsOf(new Response(""), [
    "lazy static body",
    "response",
    "serve fast consumed",
  ]);
  if (!lazy || !inner || !consumed) return undefined;

  const take = (response: Response) => {
    const fields = response as unknown as Fields;
    if (fields[consumed] !== false || Object.hasOwn(response, "body")) return undefined;
    let body: unknown = fields[lazy];
    if (!isBytes(body)) {
      const { body: made } = fields[inner] as { body?: { streamOrStatic?: Static } };
      if (made?.streamOrStatic?.consumed !== false) return undefined;
      body = made.streamOrStatic.body;
    }
    if (!isBytes(body)) return undefined;
    fields[consumed] = true;
    if (typeof body !== "string") return body;
    return body.length <= MAX_TEXT && ASCII.test(body) ? body : encoder.encode(body);
  };
  return isRight(take) ? take : undefined;
}

/** The body of a `Response` on Deno that is no stream. */
interface Static {
  readonly body?: unknown;
  readonly consumed?: boolean;
}

function symbolsOf(value: object, names: readonly string[]): (symbol | undefined)[] {
  const symbols = Object.getOwnPropertySymbols(value);
  return names.map((name) => symbols.find(({ description }) => description === name));
}

function takeOnBun(): Take | undefined {
  const { Bun, process } = globalThis as { Bun?: BunPeek; process?: BuiltinModules };
  const sizeOf = process?.getBuiltinModule?.("bun:jsc")?.estimateShallowMemoryUsageOf;
  const peek = Bun?.peek;
  if (typeof sizeOf !== "function" || typeof peek !== "function") return undefined;

  /** Without a text and without bytes; each of these adds its length. */
  const least = sizeOf(new Response(null));
  const take = (response: Response) => {
    const length = sizeOf(response) - least;
    if (length <= 0 || length > MAX_BYTES) return undefined;
    // These add their lengths, too.
    if (response.statusText !== "" || response.url !== "") return undefined;
    // And these are counted, even after they have been deleted, but not in a copy.
    if (Reflect.ownKeys(response).length > 0) return undefined;
    if (length <= MAX_PROPERTIES) {
      const copy = response.clone();
      if (sizeOf(copy) === least) return void copy.body?.cancel();
    }
    return peek(response.bytes());
  };
  return isRight(take) ? take : undefined;
}

interface BunPeek {
  /** The value of a promise that is settled, else the promise. */
  peek<T>(promise: Promise<T>): T | Promise<T>;
}

interface BuiltinModules {
  getBuiltinModule?(name: "bun:jsc"): {
    estimateShallowMemoryUsageOf?(value: object): number;
  } | undefined;
}

/** Whether it takes texts and bytes, with and without headers, and leaves all else alone. */
function isRight(take: Take): boolean {
  const headers = { "content-type": "text/plain", "x-long": "x".repeat(1000) };
  const inits = [undefined, { headers }, { status: 404, headers: new Headers(headers) }];
  const text = "\u00e9\u20ac".repeat(MAX_PROPERTIES);
  const bytes = encoder.encode(text);
  const stream = () => new ReadableStream({ pull: (controller) => controller.close() });
  try {
    return inits.every((init) =>
      ["short", text, bytes].every((body) => {
        const response = new Response(body, init);
        const taken = take(response);
        if (!response.bodyUsed) return false;
        if (taken === "short") return body === "short";
        const sent = body === "short" ? encoder.encode(body) : bytes;
        return taken instanceof Uint8Array && String(taken) === String(sent);
      }) &&
      [null, stream(), new Blob([text])].every((body) => {
        const response = new Response(body, init);
        return take(response) === undefined && !response.bodyUsed;
      })
    );
  } catch {
    return false;
  }
}
