// What astro-adapter.js puts into the build, as dist/server/entry.mjs.
import { createApp } from "astro/app/entrypoint";

const app = createApp();

export const render = (request, info) =>
  app.render(request, {
    clientAddress: info.remoteAddr.hostname, // `Astro.clientAddress`
    locals: { info }, // `Astro.locals.info`
    addCookieHeader: true,
  });
