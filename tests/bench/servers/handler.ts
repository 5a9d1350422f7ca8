// What every server in TypeScript serves, this library's and the HTTP servers of the runtimes: one
// handler, so that only the server differs. It finds its way as a small router does, by the path in
// the text of the URL.

const text = { headers: { "content-type": "text/plain" } };
const CHUNK = new Uint8Array(64 * 1024).fill("x".charCodeAt(0));
/** 1 MB. */
const CHUNKS = 16;

export function handler(request: Request): Response | Promise<Response> {
  switch (pathOf(request.url)) {
    case "/hello":
      return new Response("Hello, world!\n", text);
    case "/null":
      return new Response(null, text);
    case "/json":
      return json(request);
    case "/upload":
      return upload(request);
    case "/arrayBuffer":
      return arrayBuffer(request);
    case "/download":
      return download();
    default:
      return new Response("Not found\n", { ...text, status: 404 });
  }
}

/** Behind the authority, which is the path of the socket in a URL of `Deno.serve`. */
function pathOf(url: string): string {
  const start = url.indexOf("/", url.indexOf("//") + 2);
  const end = url.indexOf("?", start);
  return url.slice(start, end < 0 ? undefined : end);
}

/** As an API does it: the URL parsed, two headers read, a cookie set. */
function json(request: Request): Response {
  const { pathname, searchParams } = new URL(request.url);
  const language = request.headers.get("accept-language")?.split(",")[0] ?? "en";
  const session = /\bsession=(\w+)/.exec(request.headers.get("cookie") ?? "")?.[1] ?? null;
  return Response.json(
    { path: pathname, name: searchParams.get("name"), language, session },
    { headers: { "set-cookie": `language=${language}; Path=/; HttpOnly` } },
  );
}

/** The body as it comes. */
async function upload(request: Request): Promise<Response> {
  let bytes = 0;
  for await (const chunk of request.body ?? []) bytes += chunk.length;
  return new Response(`${bytes}`, text);
}

/** The body as a whole. */
async function arrayBuffer(request: Request): Promise<Response> {
  return new Response(`${(await request.arrayBuffer()).byteLength}`, text);
}

/** A stream, one chunk each time the server asks for more. */
function download(): Response {
  let left = CHUNKS;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.enqueue(CHUNK);
      if (--left === 0) controller.close();
    },
  });
  return new Response(body, text);
}
