// Hono: `c.env` is `info`.
import { serve, type ServeHandlerInfo } from "@fastcgi/serve";
import { Hono } from "hono";

const app = new Hono<{ Bindings: ServeHandlerInfo }>();
app.get("/", (c) => c.text(`Hello, ${c.env.remoteAddr.hostname}\n`));
app.get("/later", (c) => {
  c.executionCtx.waitUntil(Promise.resolve("work that a shutdown waits for"));
  return c.text("Later\n");
});
app.get("/fail", () => {
  throw new Error("It failed");
});
app.onError((error, c) => {
  c.env.log(error); // to the web server's log: Hono has caught it, so nobody else does
  return c.text("Internal Server Error\n", 500);
});

// `serve(options, app)` is enough where nothing asks for `c.executionCtx`.
serve({ path: "/run/app/fcgi.sock", mode: 0o660 }, (request, info) =>
  app.fetch(request, info, {
    waitUntil: (promise) => info.waitUntil(promise),
    passThroughOnException() {},
    props: {},
  }));
