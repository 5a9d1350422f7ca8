import process from "node:process";
import { serve } from "../../../../mod.ts";
const { AutoRouter } = await import("itty-router");

const encoder = new TextEncoder();

/** The events, as a stream of bytes that a generator fills. */
function events(id) {
  async function* generate() {
    try {
      for (let n = 0;; n++) {
        yield encoder.encode(`data: ${n} é\n\n`);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    } finally {
      console.error(`over ${id}`);
    }
  }
  return new Response(ReadableStream.from?.(generate()) ?? generate(), {
    headers: { "content-type": "text/event-stream" },
  });
}

const app = AutoRouter();
app.get("/hello/:name", ({ params }) => new Response(`Héllo, ${params.name}`));
app.get("/json", () => ({ ok: true }));
app.get("/cookies", (request) => {
  const headers = new Headers();
  headers.append("set-cookie", "a=1; Path=/");
  headers.append("set-cookie", "b=2; HttpOnly");
  return new Response(request.headers.get("cookie")?.match(/visit=(\w+)/)?.[1], { headers });
});
app.post("/form", async (request) => ({ name: (await request.formData()).get("name") }));
app.post("/upload", async (request) => {
  const file = (await request.formData()).get("file");
  return { name: file.name, size: file.size, last: (await file.bytes()).at(-1) };
});
app.get("/events", (request) => events(request.query.id));
app.get("/fail", () => {
  throw new Error("The application failed");
});

const path = process.argv[2];
if (path === undefined) serve(app);
else serve({ path }, app);
