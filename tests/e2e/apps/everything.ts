/**
 * The application behind the web servers: one route for each thing that a test wants done.
 *
 * `everything.ts path=fcgi.sock` or `everything.ts port=9000 basePath=/app`; a script that a web
 * server starts calls {@link start} instead. A route is the first segment of the path below the
 * mount point. Tests and routes wait for each other through a board: `/mark/<id>/<event>` and
 * `/wait/<id>/<event>` stand for what a test does, `mark` and `marked` for what a route does.
 */
import process from "node:process";
import { serve, type ServeHandlerInfo } from "../../../mod.ts";
import { type Board, FileBoard, MemoryBoard } from "../_board.ts";
import { afterTheHead, Hash, part, PART_BYTES } from "../_content.ts";

const encoder = new TextEncoder();
let board: Board = new MemoryBoard();

const mark = (id: string, name: string) => board.mark(id, name);
const marked = (id: string, name: string) => board.marked(id, name);

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
    const isEvents = url.searchParams.has("events");
    const headers = new Headers({ "content-type": isEvents ? "text/event-stream" : "text/plain" });
    mark(id, "started");
    return new Response(
      new ReadableStream({
        async start(controller) {
          controller.enqueue(encoder.encode("first\n"));
          await marked(id, "go");
          mark(id, "over");
          controller.enqueue(encoder.encode("second\n"));
          controller.close();
        },
        cancel: () => mark(id, "over"),
      }),
      { headers },
    );
  },

  /** A part at once, and parts without end: with `?held`, only once the test has said so. */
  flood(request, _info, url, [id = ""]) {
    request.signal.addEventListener("abort", () => mark(id, "aborted"));
    mark(id, "started");
    let isFirst = true;
    return new Response(
      new ReadableStream({
        async pull(controller) {
          if (!isFirst && url.searchParams.has("held")) await marked(id, "go");
          isFirst = false;
          controller.enqueue(part(0));
          await new Promise((resolve) => setTimeout(resolve, 1));
        },
        cancel: () => mark(id, "cancelled"),
      }, { highWaterMark: 0 }),
      { headers: { "x-accel-buffering": "no" } },
    );
  },

  /** Thinks until the client has gone, or the test has said that it has. */
  async think(request, _info, _url, [id = ""]) {
    mark(id, "started");
    await Promise.race([
      new Promise((resolve) => request.signal.addEventListener("abort", resolve)),
      marked(id, "go"),
    ]);
    if (request.signal.aborted) mark(id, "aborted");
    mark(id, "over");
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
    const index = url.searchParams.get("index");
    mark(id, `inside${index}`);
    for (let other = 0; other < Number(url.searchParams.get("count")); other++) {
      await marked(id, `inside${other}`);
    }
    return new Response(index);
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
          if (made >= bytes) {
            // A body that fails before anything was sent is a 500.
            await afterTheHead();
            return controller.error(new Error("The body broke"));
          }
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

/**
 * What {@link start} takes: where to listen, if it is said here at all, and the directory of a
 * {@link FileBoard}.
 */
export interface Options {
  path?: string;
  port?: string;
  basePath?: string;
  board?: string;
}

/** Serves the routes. */
export function start({ path, port, basePath, board: directory }: Options): void {
  if (directory !== undefined) board = new FileBoard(directory);
  const address = path !== undefined ? { path } : port !== undefined ? { port: Number(port) } : {};
  serve({ ...address, basePath }, (request, info) => {
    const url = new URL(request.url);
    const path = url.pathname.replace(/^\/+/, "").replace(/^app[^/]*\//, "");
    const [name = "", ...rest] = path.split("/");
    const route = routes[name];
    if (route === undefined) return new Response(`No route: ${url.pathname}\n`, { status: 404 });
    return route(request, info, url, rest);
  });
}

if (import.meta.main) {
  start(Object.fromEntries(process.argv.slice(2).map((arg) => arg.split("=", 2))));
}
