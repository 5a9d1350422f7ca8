// SvelteKit, built with sveltekit-adapter.js. nginx.conf has the static files.
import process from "node:process";
import { serve } from "@fastcgi/serve";
import { server } from "./build/server.js";

await server.init({ env: process.env });

serve({ path: "/run/app/fcgi.sock", mode: 0o660 }, (request, info) =>
  server.respond(request, {
    getClientAddress: () => info.remoteAddr.hostname,
    platform: { info }, // `event.platform.info`
  }));
