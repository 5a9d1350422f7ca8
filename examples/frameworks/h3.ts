// h3, and what is built on it: it takes the request alone, and looks there for the address.
import { serve } from "@fastcgi/serve";
import { getRequestIP, H3 } from "h3";

const app = new H3();
app.get("/", (event) => `Hello, ${getRequestIP(event)}\n`);

serve({ path: "/run/app/fcgi.sock", mode: 0o660 }, (request, info) => {
  Object.defineProperty(request, "ip", { value: info.remoteAddr.hostname });
  return app.fetch(request);
});
