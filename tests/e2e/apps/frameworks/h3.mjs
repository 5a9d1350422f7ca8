import process from "node:process";
import { serve } from "../../../../mod.ts";
const { createEventStream, H3, parseCookies, setCookie } = await import("h3");

const app = new H3();
app.get("/hello/:name", (event) => `Héllo, ${event.context.params.name}`);
app.get("/json", () => ({ ok: true }));
app.get("/cookies", (event) => {
  setCookie(event, "a", "1", { path: "/" });
  setCookie(event, "b", "2", { httpOnly: true });
  return parseCookies(event).visit ?? "";
});
app.post("/form", async (event) => ({ name: (await event.req.formData()).get("name") }));
app.post("/upload", async (event) => {
  const file = (await event.req.formData()).get("file");
  return { name: file.name, size: file.size, last: (await file.bytes()).at(-1) };
});
app.get("/events", (event) => {
  const stream = createEventStream(event);
  let n = 0;
  const timer = setInterval(() => stream.push(`${n++} é`), 5);
  stream.onClosed(() => {
    clearInterval(timer);
    console.error(`over ${event.url.searchParams.get("id")}`);
  });
  return stream.send();
});
app.get("/fail", () => {
  throw new Error("The application failed");
});

const path = process.argv[2];
if (path === undefined) serve(app);
else serve({ path }, app);
