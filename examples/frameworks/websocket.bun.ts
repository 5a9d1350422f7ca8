// A page over FastCGI, and WebSockets beside it over HTTP, on Bun. nginx.conf tells them apart.
import { serve } from "@fastcgi/serve";

serve({ path: "/run/app/fcgi.sock", mode: 0o660 }, () => new Response("Hello\n"));

Bun.serve({
  hostname: "127.0.0.1",
  port: 9006,
  fetch(request, server) {
    const data = { address: request.headers.get("x-real-ip") };
    if (!server.upgrade(request, { data })) return new Response(null, { status: 426 });
  },
  websocket: {
    data: {} as { address: string | null },
    message: (socket, message) => void socket.send(`${message}, ${socket.data.address}`),
  },
});
