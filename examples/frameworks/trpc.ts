// tRPC: `info` goes into the context.
import { serve, type ServeHandlerInfo } from "@fastcgi/serve";
import { initTRPC } from "@trpc/server";
import { fetchRequestHandler } from "@trpc/server/adapters/fetch";

const t = initTRPC.context<{ info: ServeHandlerInfo }>().create();
const router = t.router({
  hello: t.procedure.query(({ ctx }) => `Hello, ${ctx.info.remoteAddr.hostname}`),
});
export type AppRouter = typeof router; // for the client

serve({ path: "/run/app/fcgi.sock", mode: 0o660 }, (request, info) =>
  fetchRequestHandler({
    endpoint: "/trpc",
    req: request,
    router,
    createContext: () => ({ info }),
  }));
