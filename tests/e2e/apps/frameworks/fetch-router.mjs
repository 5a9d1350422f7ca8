import process from "node:process";
import { serve } from "../../../../mod.ts";
const { createRouter } = await import("@remix-run/fetch-router");

/** What a browser shows of the events. */
function events(id) {
  let timer;
  let n = 0;
  const body = new ReadableStream({
    start(controller) {
      timer = setInterval(
        () => controller.enqueue(new TextEncoder().encode(`data: ${n++} é\n\n`)),
        5,
      );
    },
    cancel() {
      clearInterval(timer);
      console.error(`over ${id}`);
    },
  });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}

const app = createRouter();
app.get("/hello/:name", ({ params }) => new Response(`Héllo, ${params.name}`));
app.get("/json", () => Response.json({ ok: true }));
app.get("/cookies", ({ request }) => {
  const headers = new Headers();
  headers.append("set-cookie", "a=1; Path=/");
  headers.append("set-cookie", "b=2; HttpOnly");
  return new Response(request.headers.get("cookie")?.match(/visit=(\w+)/)?.[1], { headers });
});
app.post("/form", async ({ request }) => {
  return Response.json({ name: (await request.formData()).get("name") });
});
app.post("/upload", async ({ request }) => {
  const file = (await request.formData()).get("file");
  return Response.json({ name: file.name, size: file.size, last: (await file.bytes()).at(-1) });
});
app.get("/events", ({ url }) => events(url.searchParams.get("id")));
app.get("/fail", () => {
  throw new Error("The application failed");
});

const path = process.argv[2];
if (path === undefined) serve(app);
else serve({ path }, app);
