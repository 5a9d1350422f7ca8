// Astro, built with astro-adapter.js. nginx.conf has the static files.
import { serve } from "@fastcgi/serve";
import { render } from "./dist/server/entry.mjs";

serve({ path: "/run/app/fcgi.sock", mode: 0o660 }, render);
