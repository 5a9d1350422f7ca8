import process from "node:process";
import { serve } from "../../../../mod.ts";
const { Elysia, sse } = await import("elysia");

const app = new Elysia();
app.get("/hello/:name", ({ params }) => `Héllo, ${params.name}`);
app.get("/json", () => ({ ok: true }));
app.get("/cookies", ({ cookie }) => {
  cookie.a.set({ value: "1", path: "/" });
  cookie.b.set({ value: "2", httpOnly: true });
  return cookie.visit.value ?? "";
});
app.post("/form", ({ body }) => ({ name: body.name }));
app.post("/upload", async ({ body }) => {
  const { file } = body;
  return { name: file.name, size: file.size, last: (await file.bytes()).at(-1) };
});
app.get("/events", async function* ({ query }) {
  try {
    for (let n = 0;; n++) {
      yield sse({ data: `${n} é` });
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  } finally {
    console.error(`over ${query.id}`);
  }
});
// Not events: a generator's strings, one chunk of the body each.
app.get("/lines", async function* () {
  for (let n = 0; n < 3; n++) {
    yield `${n} é\n`;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
});
app.get("/fail", () => {
  throw new Error("The application failed");
});

const path = process.argv[2];
if (path === undefined) serve(app);
else serve({ path }, app);
