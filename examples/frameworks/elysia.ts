// Elysia: it takes the request alone, and asks its server for the address, elsewhere Bun's own.
import { serve, type ServeHandlerInfo } from "@fastcgi/serve";
import { Elysia } from "elysia";

const app = new Elysia();
app.get("/", ({ request, server }) => `Hello, ${server?.requestIP(request)?.address}\n`);

const infos = new WeakMap<Request, ServeHandlerInfo>();
app.server = {
  requestIP(request: Request) {
    const { hostname: address, port } = infos.get(request)!.remoteAddr;
    return { address, port, family: address.includes(":") ? "IPv6" : "IPv4" };
  },
} as typeof app.server;

serve({ path: "/run/app/fcgi.sock", mode: 0o660 }, (request, info) => {
  infos.set(request, info);
  return app.fetch(request);
});
