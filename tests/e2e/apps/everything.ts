/**
 * The application behind the web servers: one route for each thing that a test wants done.
 *
 * `everything.ts path=fcgi.sock` or `everything.ts port=9000 basePath=/yourapplication`. A route is the first segment
 * of the path below the mount point. Tests and routes wait for each other through a board: `/mark/<id>/<event>` and
 * `/wait/<id>/<event>` stand for what a test does, `mark` and `marked` for what a route does.
 */
import process from "node:process";
import { serve, type ServeHandlerInfo } from "../../../mod.ts";
import { Hash, part, PART_BYTES } from "../_content.ts";

const options = Object.fromEntries(process.argv.slice(2).map((arg) => arg.split("=", 2)));
const encoder = new TextEncoder();

/** The board. */
const events = new Map<string, PromiseWithResolvers<void>>();

function eventOf(id: string, name: string): PromiseWithResolvers<void> {
  const key = `${id} ${name}`;
  const event = events.get(key) ?? Promise.withResolvers<void>();
  events.set(key, event);
  return event;
}

const mark = (id: string, name: string) => eventOf(id, name).resolve();
const marked = (id: string, name: string) => eventOf(id, name).promise;

/** What `/progress/<id>` tells: bytes made or read. */
const progress = new Map<string, number>();

type Route = (
  request: Request,
  info: ServeHandlerInfo,
  url: URL,
  rest: string[],
) => Response | Promise<Response>;

const routes: Record<string, Route> = {
  /** Everything about the request. */
  async echo(request, info) {
    const body = new Uint8Array(await request.arrayBuffer());
    return Response.json({
      method: request.method,
      url: request.url,
      headers: [...request.headers],
      remoteAddr: info.remoteAddr,
      scriptName: info.scriptName,
      pathInfo: info.pathInfo,
      // As Latin-1: code unit n is byte n.
      body: Array.from(body, (byte) => String.fromCharCode(byte)).join(""),
    });
  },

  async form(request) {
    const fields = [];
    for (const [name, value] of await request.formData()) {
      if (typeof value === "string") fields.push([name, value]);
      else {
        const hash = new Hash();
        hash.add(new Uint8Array(await value.arrayBuffer()));
        fields.push([name, value.name, value.type, String(hash)]);
      }
    }
    return Response.json(fields);
  },

  async small(request) {
    const { byteLength } = await request.arrayBuffer();
    return new Response(`${byteLength} ${request.signal.aborted}\n`);
  },

  async json(request) {
    return Response.json({ got: await request.json() });
  },

  /** Reads an upload as it comes; with `?hold`, only once the test has said so. */
  async hash(request, _info, url, [id = ""]) {
    if (url.searchParams.has("hold")) {
      mark(id, "started");
      await marked(id, "go");
    }
    const hash = new Hash();
    for await (const chunk of request.body ?? []) hash.add(chunk);
    return new Response(String(hash));
  },

  /** Makes a download as it is taken. */
  download(_request, _info, url, [id = ""]) {
    const length = Number(url.searchParams.get("bytes"));
    let index = 0;
    return new Response(
      new ReadableStream({
        pull(controller) {
          controller.enqueue(part(index++));
          progress.set(id, index * PART_BYTES);
          if (index * PART_BYTES >= length) controller.close();
        },
      }, { highWaterMark: 0 }),
    );
  },

  progress(_request, _info, _url, [id = ""]) {
    return new Response(String(progress.get(id) ?? 0));
  },

  redirect(_request, _info, url, [status]) {
    return new Response(null, {
      status: Number(status),
      headers: { location: url.searchParams.get("to") ?? "/" },
    });
  },

  status(_request, _info, _url, [status]) {
    return new Response(status === "204" || status === "304" ? null : `${status}\n`, {
      status: Number(status),
    });
  },

  cookies(request) {
    const headers = new Headers({ "content-type": "text/plain" });
    headers.append("set-cookie", "a=1; Path=/");
    headers.append("set-cookie", "b=2, with a comma; HttpOnly");
    headers.append("set-cookie", "c=3");
    return new Response(request.headers.get("cookie"), { headers });
  },

  /** Gives back the bytes of X-In as X-Out. */
  header(request) {
    return new Response(null, { headers: { "x-out": request.headers.get("x-in") ?? "" } });
  },

  /** A header block of about so many bytes. */
  headers(_request, _info, url) {
    const bytes = Number(url.searchParams.get("bytes"));
    return new Response("large head\n", { headers: { "x-large": "x".repeat(bytes) } });
  },

  /** A first part at once, the second when the client has got the first. */
  stream(request, _info, url, [id = ""]) {
    request.signal.addEventListener("abort", () => mark(id, "aborted"));
    const headers = new Headers({ "content-type": "text/plain" });
    if (url.searchParams.has("unbuffered")) headers.set("x-accel-buffering", "no");
    return new Response(
      new ReadableStream({
        async start(controller) {
          controller.enqueue(encoder.encode("first\n"));
          await marked(id, "go");
          controller.enqueue(encoder.encode("second\n"));
          controller.close();
        },
        cancel: () => mark(id, "cancelled"),
      }),
      { headers },
    );
  },

  /** Parts without end. */
  flood(request, _info, _url, [id = ""]) {
    request.signal.addEventListener("abort", () => mark(id, "aborted"));
    return new Response(
      new ReadableStream({
        async pull(controller) {
          controller.enqueue(part(0));
          await new Promise((resolve) => setTimeout(resolve, 1));
        },
        cancel: () => mark(id, "cancelled"),
      }, { highWaterMark: 0 }),
      { headers: { "x-accel-buffering": "no" } },
    );
  },

  /** Thinks until the client has gone. */
  async think(request, _info, _url, [id = ""]) {
    mark(id, "started");
    await new Promise((resolve) => request.signal.addEventListener("abort", resolve));
    mark(id, "aborted");
    return new Response("too late\n");
  },

  /** Stays until the test lets it go. */
  async hold(_request, _info, _url, [id = ""]) {
    mark(id, "started");
    await marked(id, "go");
    return new Response(`${id}\n`);
  },

  /** Answers once `count` of them are there. */
  async barrier(_request, _info, url, [id = ""]) {
    const inside = (progress.get(id) ?? 0) + 1;
    progress.set(id, inside);
    if (inside === Number(url.searchParams.get("count"))) mark(id, "full");
    await marked(id, "full");
    return new Response(url.searchParams.get("index"));
  },

  throw(_request, _info, url) {
    throw new Error(url.searchParams.get("message") ?? "");
  },

  log(_request, info, url) {
    info.log(url.searchParams.get("line") ?? "");
    return new Response("logged\n");
  },

  /** A body that breaks off after so many bytes. */
  break(_request, _info, url) {
    const bytes = Number(url.searchParams.get("bytes"));
    let made = 0;
    return new Response(
      new ReadableStream({
        async pull(controller) {
          // Not at once: a body that fails before anything was sent is a 500.
          await new Promise((resolve) => setTimeout(resolve, 0));
          if (made >= bytes) return controller.error(new Error("The body broke"));
          const size = Math.min(bytes - made, PART_BYTES);
          made += size;
          controller.enqueue(new Uint8Array(size).fill(120));
        },
      }, { highWaterMark: 0 }),
      url.searchParams.has("length")
        ? { headers: { "content-length": String(bytes + 100) } }
        : undefined,
    );
  },

  mark(_request, _info, _url, [id = "", event = ""]) {
    mark(id, event);
    return new Response("marked\n");
  },

  async wait(_request, _info, _url, [id = "", event = ""]) {
    await marked(id, event);
    return new Response("marked\n");
  },
};

const address = options.path === undefined
  ? { port: Number(options.port) }
  : { path: options.path };
serve({ ...address, basePath: options.basePath }, (request, info) => {
  const url = new URL(request.url);
  const path = url.pathname.replace(/^\/+/, "").replace(/^yourapplication\//, "");
  const [name = "", ...rest] = path.split("/");
  const route = routes[name];
  if (route === undefined) return new Response(`No route: ${url.pathname}\n`, { status: 404 });
  return route(request, info, url, rest);
});
