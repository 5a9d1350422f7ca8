import process from "node:process";
import { serve } from "../../../../mod.ts";
const { createSchema, createYoga } = await import("graphql-yoga");

const typeDefs = `
  scalar File
  type Query { hello(name: String!): String!  address: String!  params: String!  fail: String }
  type Mutation { upload(file: File!): String! }
  type Subscription { ticks(id: String!): String! }
`;
const resolvers = {
  Query: {
    hello: (_parent, { name }) => `Hello, ${name}`,
    // Yoga's context is `info`, with things of its own assigned to it: `params` is one.
    address: (_parent, _args, context) => context.remoteAddr.hostname,
    params: (_parent, _args, context) => context.params.query,
    fail: () => {
      throw new Error("The application failed");
    },
  },
  Mutation: {
    upload: async (_parent, { file }) =>
      `${file.name} ${file.size} ${new Uint8Array(await file.arrayBuffer()).at(-1)}`,
  },
  Subscription: {
    ticks: {
      subscribe: async function* (_parent, { id }) {
        try {
          for (let n = 0;; n++) {
            yield { ticks: `${n} é` };
            await new Promise((resolve) => setTimeout(resolve, 5));
          }
        } finally {
          console.error(`over ${id}`);
        }
      },
    },
  },
};

const yoga = createYoga({ schema: createSchema({ typeDefs, resolvers }), logging: false });

const path = process.argv[2];
if (path === undefined) serve(yoga);
else serve({ path }, yoga);
