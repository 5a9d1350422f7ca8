// Who takes part: one row per server, with how it is started. `direct` rows are in section A, on
// the FastCGI socket itself; `nginx` rows are in section B, behind nginx.

import type { Upstream } from "./nginx.ts";
import { NotRun } from "./not_run.ts";
import { phpFpm } from "./php_fpm.ts";
import { CONNECTIONS } from "./sample.ts";
import { findTool } from "./tools.ts";
import { source, type Workshop } from "./workshop.ts";

export interface Launch {
  /** The command that serves on `socket`; `folder` is there for its files. */
  command(socket: string, folder: string): string[] | Promise<string[]>;
  /** FastCGI parameters that only this server needs, NAME=VALUE. */
  params?: string[];
}

export interface Contender {
  /** For `--only`. */
  name: string;
  /** For the table. */
  title: string;
  direct?: true;
  nginx?: Upstream;
  prepare(workshop: Workshop): Promise<Launch>;
}

/** The name of the row that the others are compared with. */
export const YARDSTICK = "libfcgi";

const DENO = [Deno.execPath(), "run", "--no-lock", "--allow-net", "--allow-read", "--allow-write"];
const bun = () => findTool("bun", "npm install -g bun");
const node = () => findTool("node", "Node 22.18 or later");

/** A script of servers/ that takes the socket as its argument. */
function script(runtime: string[], file: string, ...more: string[]): Launch {
  return { command: (socket) => [...runtime, source(`servers/${file}`), socket, ...more] };
}

export const CONTENDERS: Contender[] = [
  {
    name: "ours-deno",
    title: "@fastcgi/serve on Deno",
    direct: true,
    nginx: "fastcgi",
    prepare: () => Promise.resolve(script(DENO, "ours.ts")),
  },
  {
    name: "ours-bun",
    title: "@fastcgi/serve on Bun",
    direct: true,
    nginx: "fastcgi",
    prepare: async () => script([await bun()], "ours.ts"),
  },
  {
    name: "ours-node",
    title: "@fastcgi/serve on Node",
    direct: true,
    nginx: "fastcgi",
    prepare: async () => script([await node()], "ours.ts"),
  },
  {
    name: YARDSTICK,
    title: "libfcgi, threads (C)",
    direct: true,
    nginx: "fastcgi",
    async prepare(workshop) {
      const flags = ["-lfcgi", "-lpthread"];
      const remedy = "apt-get install libfcgi-dev";
      const program = await workshop.compileC("servers/libfcgi.c", flags, remedy);
      return { command: (socket) => [program, socket, `${CONNECTIONS}`] };
    },
  },
  {
    name: "php-fpm",
    title: "php-fpm, echo",
    direct: true,
    prepare: phpFpm,
  },
  {
    name: "go",
    title: "Go net/http/fcgi",
    direct: true,
    async prepare(workshop) {
      const program = await workshop.compileGo("servers/go_fcgi.go");
      return { command: (socket) => [program, socket] };
    },
  },
  {
    name: "node-fastcgi",
    title: "node-fastcgi on Node",
    direct: true,
    prepare: async (workshop) =>
      script([await node()], "node_fastcgi.ts", await workshop.packages()),
  },
  {
    name: "swatto",
    title: "@swatto/node-fastcgi on Node",
    direct: true,
    prepare: () => Promise.reject(new NotRun("not on npm")),
  },
  {
    name: "deno_fcgi",
    title: "deno_fcgi on Deno",
    direct: true,
    prepare: () => Promise.reject(new NotRun("not on npm")),
  },
  {
    name: "deno-serve",
    title: "Deno.serve, HTTP",
    nginx: "http",
    prepare: () => Promise.resolve(script(DENO, "deno_serve.ts")),
  },
  {
    name: "bun-serve",
    title: "Bun.serve, HTTP",
    nginx: "http",
    prepare: async () => script([await bun()], "bun_serve.ts"),
  },
  {
    name: "hono-node",
    title: "@hono/node-server on Node, HTTP",
    nginx: "http",
    prepare: async (workshop) => script([await node()], "hono_node.ts", await workshop.packages()),
  },
];
