// @hono/node-server from npm, HTTP: node hono_node.ts <socket> <folder with node_modules>
import { createRequire } from "node:module";
import process from "node:process";
import { handler } from "./handler.ts";

const [socket, packages] = process.argv.slice(2);
const hono = createRequire(`${packages}/package.json`)("@hono/node-server");
hono.createAdaptorServer({ fetch: handler }).listen(socket);
