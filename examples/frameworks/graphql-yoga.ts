// GraphQL Yoga: the context of a resolver has all that `info` has.
import { serve, type ServeHandlerInfo } from "@fastcgi/serve";
import { createSchema, createYoga } from "graphql-yoga";

const yoga = createYoga<ServeHandlerInfo>({
  schema: createSchema({
    typeDefs: "type Query { hello: String! }",
    resolvers: {
      Query: {
        hello: (_parent, _args, context) => `Hello, ${context.remoteAddr.hostname}`,
      },
    },
  }),
});

serve({ path: "/run/app/fcgi.sock", mode: 0o660 }, yoga);
