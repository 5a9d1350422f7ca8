// TanStack Start, built with `vite build`. nginx.conf has the static files.
import { serve } from "@fastcgi/serve";
import server from "./dist/server/server.js";

serve({ path: "/run/app/fcgi.sock", mode: 0o660 }, (request, info) => {
  Object.defineProperty(request, "ip", { value: info.remoteAddr.hostname }); // `getRequestIP()`
  return server.fetch(request, { context: { info } }); // `context.info` in middleware
});
