// Express, through the bridge from fetch to `node:http` of srvx.
import type { IncomingMessage, ServerResponse } from "node:http";
import { serve } from "@fastcgi/serve";
import express from "express";
import { fetchNodeHandler } from "srvx/node";

const app = express();
app.get("/", (req, res) => {
  res.cookie("visited", "yes", { secure: req.secure }).send(`Hello, ${req.ip}\n`);
});
app.post("/form", express.urlencoded(), (req, res) => {
  res.json(req.body);
});
app.post("/upload", async (req, res) => {
  let size = 0;
  for await (const piece of req) size += piece.length;
  res.json({ size });
});
app.use("/files", express.static("/srv/app/files"));

serve(
  { path: "/run/app/fcgi.sock", mode: 0o660 },
  (request, info) =>
    fetchNodeHandler((req: IncomingMessage, res: ServerResponse) => {
      // For `req.ip`, `req.protocol` and `req.secure`: the socket of the bridge has nothing to say.
      const encrypted = request.url.startsWith("https:");
      Object.assign(req.socket, { remoteAddress: info.remoteAddr.hostname, encrypted });
      return app(req, res);
    }, request),
);
