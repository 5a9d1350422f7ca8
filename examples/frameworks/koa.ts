// Koa, through the bridge from fetch to `node:http` of srvx.
import { createReadStream } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { serve } from "@fastcgi/serve";
import Koa from "koa";
import { fetchNodeHandler } from "srvx/node";

const app = new Koa();
app.use(async (ctx) => {
  if (ctx.path === "/") {
    ctx.cookies.set("visited", "yes", { secure: ctx.secure });
    ctx.body = `Hello, ${ctx.ip}\n`;
  } else if (ctx.path === "/upload") {
    let size = 0;
    for await (const piece of ctx.req) size += piece.length;
    ctx.body = { size };
  } else if (ctx.path === "/files/plans.bin") {
    ctx.body = createReadStream("/srv/app/files/plans.bin");
  }
});
const handler = app.callback();

serve(
  { path: "/run/app/fcgi.sock", mode: 0o660 },
  (request, info) =>
    fetchNodeHandler((req: IncomingMessage, res: ServerResponse) => {
      // For `ctx.ip`, `ctx.protocol` and `ctx.secure`: the socket of the bridge has nothing to say.
      const encrypted = request.url.startsWith("https:");
      Object.assign(req.socket, { remoteAddress: info.remoteAddr.hostname, encrypted });
      return handler(req, res);
    }, request),
);
