import process from "node:process";
import { serve } from "../../../../mod.ts";
const { initTRPC, tracked, TRPCError } = await import("@trpc/server");
const { fetchRequestHandler } = await import("@trpc/server/adapters/fetch");

const t = initTRPC.context().create();
const router = t.router({
  hello: t.procedure.input(String).query(({ input }) => `Hello, ${input}`),
  address: t.procedure.query(({ ctx }) => ctx.remoteAddr.hostname),
  form: t.procedure.input((value) => value).mutation(({ input, ctx }) => {
    ctx.cookies.append("set-cookie", "a=1; Path=/");
    ctx.cookies.append("set-cookie", "b=2; HttpOnly");
    return { name: input.get("name"), size: input.get("file").size };
  }),
  fail: t.procedure.query(() => {
    throw new TRPCError({ code: "INTERNAL_SERVER_ERROR", message: "The application failed" });
  }),
  // Each line of a stream of JSON leaves when its promise has settled.
  slow: t.procedure.query(() => new Promise((resolve) => setTimeout(resolve, 20, "slow"))),
  ticks: t.procedure.input(String).subscription(async function* ({ input }) {
    try {
      for (let n = 0;; n++) {
        yield tracked(String(n), `${n} é`);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    } finally {
      console.error(`over ${input}`);
    }
  }),
});

// Made as its manual does for `Deno.serve`, with `info` spread into the context.
const handler = (request, info) =>
  fetchRequestHandler({
    endpoint: "/trpc",
    req: request,
    router,
    createContext: ({ resHeaders }) => ({ ...info, cookies: resHeaders }),
  });

const path = process.argv[2];
if (path === undefined) serve(handler);
else serve({ path }, handler);
