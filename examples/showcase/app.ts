/**
 * A tour of what a handler can do behind a web server. It is a plain fetch handler:
 * `deno serve examples/showcase/app.ts` and `bun examples/showcase/app.ts` run it without FastCGI.
 *
 * All links are relative, so that it works wherever it is mounted.
 */
import type { ServeHandlerInfo } from "../../mod.ts";
import { drip } from "./drip.ts";
import { home } from "./home.ts";
import { markup, table } from "./markup.ts";
import { BACK, page, pageStart } from "./page.ts";
import { type Visit, visitOf } from "./visit.ts";

export default {
  fetch(request: Request, info?: Partial<ServeHandlerInfo>): Response | Promise<Response> {
    const visit = visitOf(request, info);
    const method = request.method === "HEAD" ? "GET" : request.method;
    const answer = ROUTES[`${method} ${visit.path}`] ?? notFound;
    return answer(visit);
  },
};

const ROUTES: Record<string, (visit: Visit) => Response | Promise<Response>> = {
  /** Mounted at /app, and asked for /app: relative links need the slash. */
  "GET ": ({ url }) => Response.redirect(new URL(`${url.pathname}/${url.search}`, url), 308),

  "GET /": (visit) => {
    const path = visit.url.pathname;
    const cookie = `visits=${visit.visits}; Path=${path}; Max-Age=86400; HttpOnly; SameSite=Lax`;
    return page("FastCGI showcase", home(visit), { headers: { "set-cookie": cookie } });
  },

  "GET /stream": ({ info }) => {
    function* lines(): Generator<string> {
      yield pageStart("Stream", "stream").text;
      for (let i = 1; i <= 8; i++) {
        yield `${new Date().toISOString().slice(11, 23)} line ${i}<br>\n`;
      }
      yield `That was all. <a href="stream">Once more</a>\n</body>\n</html>\n`;
    }
    info.log?.("A stream begins");
    return streamed(drip(lines(), 400), "text/html; charset=utf-8");
  },

  "GET /events": () => {
    function* ticks(): Generator<string> {
      while (true) yield `data: ${new Date().toISOString().slice(11, 19)}\n\n`;
    }
    return streamed(drip(ticks(), 1000), "text/event-stream");
  },

  "POST /form": async ({ request }) => {
    const fields = await request.formData();
    return page("Form", markup`<h1>This is what arrived</h1>\n${table(fields)}${BACK}`);
  },

  "POST /upload": async ({ request }) => {
    // Refused before it is read, so the rest need not be sent.
    if (Number(request.headers.get("content-length")) > MAX_UPLOAD) {
      return page("Too large", markup`<h1>32 MB at most</h1>${BACK}`, { status: 413 });
    }
    const file = (await request.formData()).get("file");
    if (!(file instanceof File)) return new Response("No file\n", { status: 400 });
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
    const facts = table([
      ["Name", file.name],
      ["Type", file.type],
      ["Size", `${file.size} bytes`],
      ["SHA-256", Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("")],
    ]);
    return page("Upload", markup`<h1>This is what arrived</h1>\n${facts}${BACK}`);
  },

  "GET /größe": ({ request, url, path }) => {
    const facts = table([
      ["request.url", request.url],
      ["decoded", path],
      ["query parameter q", url.searchParams.get("q")],
    ]);
    return page("Größe", markup`<h1>Größe</h1>\n${facts}${BACK}`);
  },

  "GET /error": () => {
    throw new Error("This handler throws on purpose");
  },
};

const MAX_UPLOAD = 32 * 1024 * 1024;

function notFound({ url, info }: Visit): Response {
  const home = `${encodeURI(info.scriptName ?? "")}/`;
  const content = markup`<h1>Not found</h1>
<p>There is nothing at <code>${url.pathname}</code>, but there is a <a href="${home}">start page</a>.</p>`;
  return page("Not found", content, { status: 404 });
}

function streamed(body: ReadableStream<Uint8Array<ArrayBuffer>>, type: string): Response {
  return new Response(body, {
    headers: {
      "content-type": type,
      "cache-control": "no-store",
      // Without it, nginx would gather the response first.
      "x-accel-buffering": "no",
    },
  });
}
