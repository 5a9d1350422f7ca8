// React Router, built with `react-router build`. nginx.conf has the static files.
import { serve } from "@fastcgi/serve";
import { createRequestHandler, RouterContextProvider } from "react-router";
import * as build from "./build/server/index.js";

const handle = createRequestHandler(build);

serve({ path: "/run/app/fcgi.sock", mode: 0o660 }, (request, info) => {
  const context = new RouterContextProvider();
  // app/root has `export const infoContext = createContext()`; a loader `context.get(infoContext)`.
  context.set(build.routes.root.module.infoContext, info);
  return handle(request, context);
});
