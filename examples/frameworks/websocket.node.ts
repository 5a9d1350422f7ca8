// A page over FastCGI, and WebSockets beside it over HTTP, on Node with `ws` from npm. nginx.conf
// tells them apart.
import { serve } from "@fastcgi/serve";
import { WebSocketServer } from "ws";

serve({ path: "/run/app/fcgi.sock", mode: 0o660 }, () => new Response("Hello\n"));

const server = new WebSocketServer({ host: "127.0.0.1", port: 9006 });
server.on("connection", (socket, request) => {
  const address = request.headers["x-real-ip"];
  socket.on("message", (data) => socket.send(`${data}, ${address}`));
});
