// Remix's fetch-router: it takes the request alone. An AsyncLocalStorage brings `info` anywhere.
import { AsyncLocalStorage } from "node:async_hooks";
import { serve, type ServeHandlerInfo } from "@fastcgi/serve";
import { createRouter } from "@remix-run/fetch-router";

const infos = new AsyncLocalStorage<ServeHandlerInfo>();
const router = createRouter();
router.get("/", () => new Response(`Hello, ${infos.getStore()?.remoteAddr.hostname}\n`));

serve(
  { path: "/run/app/fcgi.sock", mode: 0o660 },
  (request, info) => infos.run(info, () => router.fetch(request)),
);
