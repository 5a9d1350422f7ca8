// oRPC: `info` goes into the context. Files and event iterators go both ways.
import { serve, type ServeHandlerInfo } from "@fastcgi/serve";
import { ORPCError, os } from "@orpc/server";
import { RPCHandler } from "@orpc/server/fetch";
import { z } from "zod";

const base = os.$context<{ info: ServeHandlerInfo }>();
const router = {
  hello: base.input(z.string()).handler(({ input, context }) =>
    `Hello, ${input}, from ${context.info.remoteAddr.hostname}`
  ),
  refuse: base.handler(() => {
    throw new ORPCError("FORBIDDEN", { message: "Not for you" });
  }),
  upload: base.input(z.file()).handler(({ input }) => ({ name: input.name, size: input.size })),
  ticks: base.input(z.string()).handler(async function* ({ input }) {
    try {
      for (let n = 0;; n++) {
        yield `${input} ${n}`;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    } finally {
      console.error(`Nobody listens to ${input} any more`);
    }
  }),
};
export type Router = typeof router; // for the client

const handler = new RPCHandler(router);

serve({ path: "/run/app/fcgi.sock", mode: 0o660 }, async (request, info) => {
  const { response } = await handler.handle(request, { prefix: "/rpc", context: { info } });
  return response ?? new Response("Not found\n", { status: 404 });
});
