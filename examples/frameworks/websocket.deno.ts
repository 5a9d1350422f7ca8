// A page over FastCGI, and WebSockets beside it over HTTP, on Deno. nginx.conf tells them apart.
import { serve } from "@fastcgi/serve";

serve({ path: "/run/app/fcgi.sock", mode: 0o660 }, () => new Response("Hello\n"));

Deno.serve({ hostname: "127.0.0.1", port: 9006 }, (request) => {
  if (request.headers.get("upgrade") !== "websocket") return new Response(null, { status: 426 });
  const address = request.headers.get("x-real-ip"); // not to be had after the next line
  const { socket, response } = Deno.upgradeWebSocket(request);
  socket.onmessage = ({ data }) => socket.send(`${data}, ${address}`);
  return response;
});
