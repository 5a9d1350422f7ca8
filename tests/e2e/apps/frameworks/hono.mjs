import process from "node:process";
import { serve } from "../../../../mod.ts";
const { Hono } = await import("hono");
const { getCookie, setCookie } = await import("hono/cookie");
const { csrf } = await import("hono/csrf");
const { streamSSE } = await import("hono/streaming");

const app = new Hono();
app.get("/hello/:name", (c) => c.text(`Héllo, ${c.req.param("name")}`));
app.get("/json", (c) => c.json({ ok: true }));
app.get("/cookies", (c) => {
  setCookie(c, "a", "1", { path: "/" });
  setCookie(c, "b", "2", { httpOnly: true });
  return c.text(getCookie(c, "visit") ?? "");
});
app.post("/form", async (c) => c.json({ name: (await c.req.parseBody()).name }));
app.post("/upload", async (c) => {
  const { file } = await c.req.parseBody();
  return c.json({ name: file.name, size: file.size, last: (await file.bytes()).at(-1) });
});
app.get("/events", (c) =>
  streamSSE(c, async (stream) => {
    stream.onAbort(() => console.error(`over ${c.req.query("id")}`));
    for (let n = 0; !stream.aborted; n++) {
      await stream.writeSSE({ data: `${n} é` });
      await stream.sleep(5);
    }
  }));
app.get("/fail", () => {
  throw new Error("The application failed");
});
if ("Deno" in globalThis) {
  const { getConnInfo } = await import("hono/deno");
  app.get("/address", (c) => c.text(getConnInfo(c).remote.address));
}
app.use("/guarded/*", csrf());
app.post("/guarded/*", (c) => c.text("taken"));

const path = process.argv[2];
if (path === undefined) serve(app);
else serve({ path }, app);
