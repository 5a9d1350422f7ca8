/**
 * One FastCGI application behind the gateway and behind nginx: each request is made of both, and
 * the answers are held against each other.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import {
  gateway as makeGateway,
  type GatewayHandler,
  type GatewayOptions,
  serveGateway,
} from "../../src/client/mod.ts";
import { assertEquals } from "../_assert.ts";
import { FRAMEWORKS, installFrameworks } from "../_npm.ts";
import { freePort, runtime, tempDir } from "../_runtime.ts";
import { configurationOf, Nginx, skipNginx } from "../load/_nginx.ts";
import { Hash } from "./_content.ts";
import { http, type HttpRequest, type HttpResponse } from "./_http_client.ts";

export { skipNginx };

/** Header fields that are the web server's own, not the application's. */
const OWN = new Set(["connection", "date", "keep-alive", "server", "transfer-encoding"]);

const configuration = (port: number, server: string) =>
  configurationOf(`
  include /etc/nginx/mime.types;
  client_max_body_size 64m;
  server {
    listen 127.0.0.1:${port};
    server_name example.org;
    fastcgi_buffering off;
    ${server}
  }
`);

/**
 * The HTTP server in front of a gateway: that of `serveGateway`, or one for fetch handlers: the
 * runtime's own, or srvx on Node, by which Vite and Astro take them, too.
 */
export type Front = "serveGateway" | "Deno.serve" | "Bun.serve" | "srvx";

/** The fronts that there are on this runtime. */
export const FRONTS: readonly Front[] = [
  "serveGateway",
  ({ deno: "Deno.serve", bun: "Bun.serve", node: "srvx" } as const)[runtime],
];

/** Why a front is not there, or `false`. */
export const skipFront: string | false = runtime === "node" && await installFrameworks();

/** What both answers were, and agree in. */
export interface Answers {
  gateway: HttpResponse;
  nginx: HttpResponse;
}

/** What to leave out of a comparison. */
export interface Except {
  /** Names of header fields, in lower case. */
  headers?: readonly string[];
  /** Takes out of a page what is another one each time. */
  page?: (text: string) => string;
}

/** The two web servers, and what was said of the application to each. */
export class BesideNginx implements AsyncDisposable {
  readonly nginxPort: number;
  readonly gatewayPort: number;
  /**
   * Whether the HTTP server before the gateway says a length, or none, as it likes: Bun.serve, for
   * a body that is a stream.
   */
  readonly ownsLength: boolean;
  /** The lines of FCGI_STDERR that the gateway was given. */
  readonly stderr: string[];
  /** What the gateway has called `onError` with. */
  readonly errors: unknown[];
  readonly #nginx: Nginx;
  readonly #gateway: AsyncDisposable;
  readonly #files: AsyncDisposable;

  private constructor(
    nginxPort: number,
    nginx: Nginx,
    gateway: { port: number; front: Front } & AsyncDisposable,
    said: { stderr: string[]; errors: unknown[] },
    files: AsyncDisposable,
  ) {
    this.nginxPort = nginxPort;
    this.gatewayPort = gateway.port;
    this.ownsLength = gateway.front === "Bun.serve";
    this.stderr = said.stderr;
    this.errors = said.errors;
    this.#nginx = nginx;
    this.#gateway = gateway;
    this.#files = files;
  }

  /**
   * Starts both.
   *
   * @param server What stands in the `server` block of nginx.
   * @param options Those of the gateway.
   */
  static async start(
    server: string,
    options: GatewayOptions,
    front: Front = "serveGateway",
  ): Promise<BesideNginx> {
    await using stack = new AsyncDisposableStack();
    const files = stack.use(await tempDir(0o755));
    const port = await freePort();
    const file = join(files.path, "beside.conf");
    await writeFile(file, configuration(port, server));
    const nginx = stack.use(await Nginx.start(file));
    const stderr: string[] = [];
    const errors: unknown[] = [];
    const gateway = await startFront(front, {
      onStderr: (line) => void stderr.push(line),
      onError: (error) => void errors.push(error),
      ...options,
    });
    stack.move();
    return new BesideNginx(port, nginx, gateway, { stderr, errors }, files);
  }

  /** nginx's error log. */
  errorLog(): Promise<string> {
    return this.#nginx.errorLog();
  }

  /** Asks the gateway alone. */
  ask(target: string, request: HttpRequest = {}): Promise<HttpResponse> {
    return http(this.gatewayPort, { target, ...request });
  }

  /** Asks both, and does not compare. */
  async both(target: string, request: Requests = {}): Promise<Answers> {
    const make = () => ({ target, ...typeof request === "function" ? request() : request });
    // One after the other: an application may count.
    const nginx = await http(this.nginxPort, make());
    return { gateway: await http(this.gatewayPort, make()), nginx };
  }

  /** Asks both, and fails unless status, headers and body are the same. */
  async same(target: string, request: Requests = {}, except: Except = {}): Promise<HttpResponse> {
    const { gateway, nginx } = await this.both(target, request);
    const headers = [...except.headers ?? [], ...this.ownsLength ? ["content-length"] : []];
    const all = { ...except, headers };
    assertEquals(visible(gateway, all), visible(nginx, all), target);
    return gateway;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#gateway[Symbol.asyncDispose]();
    await this.#nginx[Symbol.asyncDispose]();
    await this.#files[Symbol.asyncDispose]();
  }
}

async function startFront(
  front: Front,
  options: GatewayOptions,
): Promise<{ port: number; front: Front } & AsyncDisposable> {
  if (front === "serveGateway") {
    const gateway = await serveGateway({ ...options, port: 0 });
    const { port } = gateway.addr;
    return { port, front, [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose]() };
  }
  const handler = makeGateway(options);
  if (front === "srvx") return await startSrvx(handler);
  const address = { port: 0, hostname: "127.0.0.1" };
  const aborting = new AbortController();
  let server: { port: number; stop?(now: boolean): Promise<void> };
  if (front === "Deno.serve") {
    const { addr } = Deno.serve(
      { ...address, signal: aborting.signal, onListen: () => {} },
      handler,
    );
    server = { port: addr.port };
  } else {
    const { Bun } = globalThis as unknown as { Bun: { serve(options: object): typeof server } };
    server = Bun.serve({ ...address, fetch: handler, idleTimeout: 255 });
  }
  return {
    port: server.port,
    front,
    async [Symbol.asyncDispose]() {
      aborting.abort();
      await server.stop?.(true);
      handler.close();
    },
  };
}

/** What is used of srvx. */
interface Srvx {
  serve(options: object): {
    ready(): Promise<unknown>;
    url: string;
    close(isNow: boolean): Promise<void>;
  };
}

async function startSrvx(
  fetch: GatewayHandler,
): Promise<{ port: number; front: Front } & AsyncDisposable> {
  const module = join(FRAMEWORKS, "node_modules/srvx/dist/adapters/node.mjs");
  const { serve } = await import(pathToFileURL(module).href) as Srvx;
  const server = serve({
    ...{ fetch, port: 0, hostname: "127.0.0.1" },
    ...{ silent: true, gracefulShutdown: false },
  });
  await server.ready();
  return {
    port: Number(new URL(server.url).port),
    front: "srvx",
    async [Symbol.asyncDispose]() {
      await server.close(true);
      fetch.close();
    },
  };
}

/** A request, or what makes it anew where its body can be read only once. */
type Requests = HttpRequest | (() => HttpRequest);

/** What a client sees of an answer. */
function visible(answer: HttpResponse, { headers = [], page }: Except) {
  const left = answer.headers.filter(([name]) => !OWN.has(name) && !headers.includes(name));
  const fields = Map.groupBy(left, ([name]) => name);
  return {
    status: answer.status,
    // Those of one name may be one field as well (RFC 9110, section 5.3), but for cookies.
    headers: Array.from(fields, ([name, all]) => {
      const values = all.map(([, value]) => value);
      return `${name}: ${name === "set-cookie" ? values.sort().join("\n") : values.join(", ")}`;
    }).sort(),
    // A difference in megabytes is nothing to look at.
    body: answer.body.length > 10_000
      ? hashed(page ? new TextEncoder().encode(page(answer.text)) : answer.body)
      : page
      ? page(answer.text)
      : answer.text,
    isComplete: answer.isComplete,
  };
}

function hashed(bytes: Uint8Array): string {
  const hash = new Hash();
  hash.add(bytes);
  return String(hash);
}
