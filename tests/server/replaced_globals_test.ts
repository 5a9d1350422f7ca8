/**
 * Applications put their own classes in the place of the runtime's after this module was loaded:
 * older @hono/node-server, npm undici's `install()`, polyfills. No request is answered otherwise
 * for it, and above all none is let in.
 */
import { assertEquals, assertInstanceOf, assertStringIncludes } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { concat, latin1 } from "../_bytes.ts";
import type { RawRecord } from "../_records.ts";
import { runtime } from "../_runtime.ts";
import { RecordType } from "../../src/protocol/mod.ts";
import type { Transport } from "../../src/server/connection/transport.ts";
import { Service } from "../../src/server/service.ts";
import type { ServeHandler } from "../../mod.ts";
import { Peer } from "./_peer.ts";
import { COMPLETE, Reply } from "./_reply.ts";
import { at, openRequest, request, stdin } from "./_request.ts";

const RESPONDER = 1;
const AUTHORIZER = 2;

/** What is replaced: every class of the web platform that the module makes or asks for. */
const NAMES = [
  "AbortController",
  "AbortSignal",
  "DOMException",
  "DecompressionStream",
  "Headers",
  "ReadableStream",
  "Request",
  "Response",
  "TextDecoder",
  "TextEncoder",
  "TransformStream",
  "URL",
  "WritableStream",
  "setImmediate",
  "setTimeout",
] as const;

/** The runtime's own, for the handlers and for those who wait. */
const Native = { AbortSignal, Blob, Headers, Promise, ReadableStream, Request, Response };

/** What is put in their place. */
const REPLACEMENTS: Record<string, (original: unknown) => unknown> = {
  "a subclass": (original) => {
    const Original = original as new (...args: unknown[]) => object;
    return class extends Original {};
  },
  "a class of its own": () =>
    class {
      status = undefined;
    },
  "a class that everything is an instance of": () =>
    class {
      static [Symbol.hasInstance](): boolean {
        return true;
      }
    },
  "nothing": () => undefined,
};

/**
 * Node's own `Response` and `Request` look these up when they are used: with another in their place
 * no handler can make a response there, and no body can be read.
 */
const NEEDED_BY_NODE = ["AbortController", "ReadableStream", "URL"];

/** Runs `body` while some globals are others. */
async function replaced(
  names: readonly string[],
  how: string,
  body: () => Promise<void>,
): Promise<void> {
  const scope = globalThis as unknown as Record<string, unknown>;
  const originals = names.map((name) =>
    [name, Object.getOwnPropertyDescriptor(globalThis, name)] as const
  );
  for (const [name] of originals) {
    const isFunction = name.startsWith("set");
    const value = isFunction ? () => 0 : REPLACEMENTS[how](scope[name]);
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  }
  try {
    await body();
  } finally {
    for (const [name, descriptor] of originals) {
      if (descriptor !== undefined) Object.defineProperty(globalThis, name, descriptor);
    }
  }
}

/** The records of a request, and the answers, as text; made and read with the true globals. */
interface Asked {
  records: Uint8Array;
  answer: RegExp;
}

const ASKED: Record<string, Asked> = {
  "a GET": { records: request(), answer: /^X-Seen: GET http:\/\/example\.org\/\r\n[^]*hello$/m },
  // Node gives its parts some tasks later.
  "a request for a Blob": {
    records: request(at("/blob")),
    answer: /^Content-Length: 5\r\n[^]*\r\nbytes$/m,
  },
  "a HEAD": { records: request({ method: "HEAD" }), answer: /Status: 200 OK\r\n\r\n$/ },
  "a POST": {
    records: request({ method: "POST", stdin: "upload" }),
    answer: /^X-Seen: POST [^]*upload$/m,
  },
  "an authorizer's request": {
    records: request({ role: AUTHORIZER }),
    answer: /^Status: 403 Forbidden\r\n[^]*no entry$/,
  },
  "a method that is none": {
    records: request({ method: "TRACE" }),
    answer: /Status: 501 Not Implemented\r\n\r\nMethod is not implemented: TRACE\n$/,
  },
  "a URL that is none": {
    records: request({ params: { HTTP_HOST: "a b" } }),
    answer: /Status: 400 Bad Request\r\n\r\n/,
  },
  "an authorizer's request that is none": {
    records: request({ role: AUTHORIZER, method: "TRACE" }),
    answer: /^Status: 501 Not Implemented\r\n/,
  },
  "a request for a failure": {
    records: request(at("/fail")),
    answer: /Status: 500 Internal Server Error\r\n\r\nInternal Server Error\n$/,
  },
  "an authorizer's request for a failure": {
    records: request({ role: AUTHORIZER, params: { REQUEST_URI: "/fail" } }),
    answer: /^Status: 500 Internal Server Error\r\n/,
  },
  "a request for an answer that is none": {
    records: request({ role: AUTHORIZER, params: { REQUEST_URI: "/none" } }),
    answer: /^Status: 500 Internal Server Error\r\n/,
  },
  "too large a body": {
    records: request({ method: "POST", stdin: "x".repeat(2000) }),
    answer: /Status: 413 /,
  },
};

const handler = (async (request, info) => {
  const { url, method } = request;
  if (url.endsWith("/fail")) throw new Error("The reason of it all");
  if (url.endsWith("/none")) return {} as Response;
  if (url.endsWith("/blob")) return new Native.Response(new Native.Blob(["bytes"]));
  if (info.role === "authorizer") return new Native.Response("no entry", { status: 403 });
  assertInstanceOf(request, Native.Request);
  assertInstanceOf(request.headers, Native.Headers);
  const body = method === "POST" ? await request.text() : "hello";
  return new Native.Response(body, { headers: { "x-seen": `${method} ${url}` } });
}) satisfies ServeHandler;

describe("a global that is replaced after the module was loaded", () => {
  const sets = [["Request", "Response", "Headers"], ...NAMES.map((name) => [name])];
  for (const names of sets) {
    for (const how of Object.keys(REPLACEMENTS)) {
      const needed = names.filter((name) => NEEDED_BY_NODE.includes(name));
      const skip = runtime === "node" && how !== "a subclass" && needed.length > 0 &&
        `Node's own Request and Response need ${needed}`;

      it(`${names} by ${how}: requests are answered as ever`, { skip }, async () => {
        for (const [what, { records, answer }] of Object.entries(ASKED)) {
          await using peer = new Peer(handler, {
            roles: ["responder", "authorizer"],
            maxBodyBytes: 1000,
          });
          const answered: RawRecord[] = [];
          await replaced(names, how, async () => {
            void peer.send(records);
            do answered.push(await peer.nextOf()); while (
              answered.at(-1)?.type !== RecordType.END_REQUEST
            );
          });
          peer.takeErrors();
          const { stdout, end } = new Reply(answered);
          assertEquals([answer.test(latin1(stdout)), end], [true, COMPLETE], what);
        }
      });

      it(`${names} by ${how}: signal and body are the runtime's`, { skip }, async () => {
        const seen = Promise.withResolvers<unknown[]>();
        await using peer = new Peer(async (request) => {
          const { signal, body } = request;
          const aborted = new Promise((resolve) => signal.onabort = resolve);
          const isOwn = [
            signal instanceof Native.AbortSignal,
            body instanceof Native.ReadableStream,
          ];
          await aborted;
          seen.resolve([...isOwn, signal.aborted]);
          return new Native.Response("too late");
        });
        const upload = concat([openRequest(), stdin("part")]);
        await replaced(names, how, async () => {
          void peer.send(upload);
          await peer.fence();
          peer.hangUp(new Error("Gone"));
          assertEquals(await seen.promise, [true, true, true]);
        });
      });
    }
  }

  it("lets an answer of the new class pass, as far as it is one", async () => {
    for (const role of [RESPONDER, AUTHORIZER]) {
      await using peer = new Peer(() => new Response("own", { status: 403 }), {
        roles: ["responder", "authorizer"],
      });
      void peer.send(request({ role }));
      const Original = globalThis.Response;
      globalThis.Response = class extends Original {
        override get status(): number {
          return super.status + 1;
        }
      };
      try {
        const reply = await peer.reply();
        assertEquals([reply.status, reply.text, reply.end], [404, "own", COMPLETE]);
      } finally {
        globalThis.Response = Original;
      }
    }
  });
});

/** Those of the language, which polyfills and zone.js replace; the test's own peer needs them. */
describe("a global of the language that is missing after the module was loaded", () => {
  for (const name of ["Map", "Promise", "Proxy"]) {
    const skip = runtime === "node" && name === "Map" && "Node's own Request needs Map";
    for (const uri of ["/", "/fail"]) {
      it(`${name}: ${uri} is answered, and nothing is uncaught`, { skip }, async () => {
        const service = new Service(handler, { onError() {} });
        let written = "";
        const transport: Transport = {
          backlog: 0,
          write(bytes) {
            written += latin1(bytes);
            return true;
          },
          pause() {},
          resume() {},
          end: (sent) => sent(),
          destroy() {},
        };
        const connection = service.accept(transport);
        await replaced([name], "nothing", async () => {
          connection.receive(request(at(uri)));
          for (let turn = 0; turn < 1000 && written === ""; turn++) {
            await new Native.Promise((resolve) => setTimeout(resolve));
          }
        });
        connection.closed();
        await service.drain();
        const status = uri === "/" ? "Status: 200 OK" : "Status: 500 Internal Server Error";
        assertStringIncludes(written, status);
      });
    }
  }
});
