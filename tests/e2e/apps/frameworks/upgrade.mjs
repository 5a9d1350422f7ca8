/** What a handler sees of a browser that wants a WebSocket, and what becomes of its consent. */
import process from "node:process";
import { serve } from "../../../../mod.ts";

serve({ path: process.argv[2] }, (request, info) => {
  if (new URL(request.url).pathname === "/101") {
    return new Response(null, {
      status: 101,
      headers: { connection: "upgrade", upgrade: "websocket" },
    });
  }
  return Response.json({
    method: request.method,
    upgrade: request.headers.get("upgrade"),
    connection: request.headers.get("connection"),
    version: request.headers.get("sec-websocket-version"),
    param: info.params.get("HTTP_UPGRADE"),
  });
});
