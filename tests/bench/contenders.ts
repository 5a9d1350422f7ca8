// Who takes part: the servers, and how each is started. Rows of the same case stand in this order.

import type { Upstream } from "./nginx.ts";
import { phpFpm } from "./php_fpm.ts";
import type { Runtime } from "../run.ts";
import { CONNECTIONS } from "./sample.ts";
import type { Section } from "./sections.ts";
import { findTool } from "./tools.ts";
import { source, type Workshop } from "./workshop.ts";

export interface Launch {
  /** The command that serves on `socket`; `folder` is there for its files. */
  command(socket: string, folder: string): string[] | Promise<string[]>;
  /** FastCGI parameters that only this server needs, NAME=VALUE. */
  params?: string[];
  /** The command that runs a script on the runtime of this server. */
  runtime?: string[];
  /** Section gateway: the command of the one in front of `socket`; nginx, if left out. */
  front?(socket: string, port: number, folder: string): string[] | Promise<string[]>;
}

export interface Contender {
  /** For `--only`. */
  name: string;
  /** For the table. */
  title: string;
  sections: Section[];
  /** The cases that it takes part in, where not in all of a section. */
  cases?: string[];
  speaks: Upstream;
  /** This library and the HTTP server that stands for the same runtime. */
  runtime?: Runtime;
  prepare(workshop: Workshop): Promise<Launch>;
}

/** A script of servers/ that takes the socket as its argument. */
async function script(
  workshop: Workshop,
  runtime: Runtime,
  file: string,
  ...more: string[]
): Promise<Launch> {
  const command = await workshop.runtime(runtime);
  return {
    runtime: command,
    command: (socket) => [...command, source(`servers/${file}`), socket, ...more],
  };
}

const NAMES: Record<Runtime, string> = { deno: "Deno", bun: "Bun", node: "Node" };

function library(runtime: Runtime): Contender {
  return {
    name: `ours-${runtime}`,
    title: `@fastcgi/serve on ${NAMES[runtime]}`,
    sections: ["direct", "nginx", "stock", "engine"],
    speaks: "fastcgi",
    runtime,
    prepare: (workshop) => script(workshop, runtime, "ours.ts"),
  };
}

async function libfcgi(workshop: Workshop): Promise<Launch> {
  const flags = ["-lfcgi", "-lpthread"];
  const remedy = "apt-get install libfcgi-dev";
  const program = await workshop.compileC("servers/libfcgi.c", flags, remedy);
  return { command: (socket) => [program, socket, `${CONNECTIONS}`] };
}

/** One that stands in front of an application, which is libfcgi's. */
function front(
  name: string,
  title: string,
  prepare: (workshop: Workshop) => Promise<Launch["front"]>,
): Contender {
  return {
    ...{ name, title, sections: ["gateway"], speaks: "http" },
    async prepare(workshop) {
      const front = await prepare(workshop);
      return { ...await libfcgi(workshop), ...front && { front } };
    },
  };
}

function gateway(runtime: Runtime): Contender {
  return front(`gateway-${runtime}`, `serveGateway on ${NAMES[runtime]}`, async (workshop) => {
    const command = await workshop.runtime(runtime);
    return (socket, port) => [...command, source("servers/gateway.ts"), socket, `${port}`];
  });
}

async function caddy(socket: string, port: number, folder: string): Promise<string[]> {
  const program = await findTool("caddy", "apt-get install caddy");
  const file = `${folder}/Caddyfile`;
  await Deno.writeTextFile(
    file,
    `{
\tadmin off
\tauto_https off
}
http://127.0.0.1:${port} {
\treverse_proxy unix/${socket} {
\t\ttransport fastcgi
\t}
}
`,
  );
  const places = [`XDG_CONFIG_HOME=${folder}`, `XDG_DATA_HOME=${folder}`];
  return ["env", ...places, program, "run", "--adapter", "caddyfile", "--config", file];
}

export const CONTENDERS: Contender[] = [
  library("deno"),
  library("bun"),
  library("node"),
  {
    name: "libfcgi",
    title: "libfcgi, threads (C)",
    sections: ["direct", "nginx", "stock"],
    cases: ["hello", "connection", "headers", "post"],
    speaks: "fastcgi",
    prepare: libfcgi,
  },
  {
    name: "go",
    title: "Go net/http/fcgi",
    sections: ["direct"],
    speaks: "fastcgi",
    async prepare(workshop) {
      const program = await workshop.compileGo("servers/go_fcgi.go");
      return { command: (socket) => [program, socket] };
    },
  },
  {
    name: "php-fpm",
    title: "php-fpm, echo",
    sections: ["direct"],
    cases: ["hello"],
    speaks: "fastcgi",
    prepare: phpFpm,
  },
  {
    name: "node-fastcgi",
    title: "node-fastcgi on Node",
    sections: ["direct"],
    cases: ["hello"],
    speaks: "fastcgi",
    prepare: async (workshop) =>
      script(workshop, "node", "node_fastcgi.ts", await workshop.packages()),
  },
  {
    name: "deno-serve",
    title: "Deno.serve, HTTP",
    sections: ["nginx", "stock"],
    speaks: "http",
    runtime: "deno",
    prepare: (workshop) => script(workshop, "deno", "deno_serve.ts"),
  },
  {
    name: "bun-serve",
    title: "Bun.serve, HTTP",
    sections: ["nginx", "stock"],
    speaks: "http",
    runtime: "bun",
    prepare: (workshop) => script(workshop, "bun", "bun_serve.ts"),
  },
  {
    name: "hono-node",
    title: "@hono/node-server, HTTP",
    sections: ["nginx", "stock"],
    speaks: "http",
    runtime: "node",
    prepare: async (workshop) =>
      script(workshop, "node", "hono_node.ts", await workshop.packages()),
  },
  gateway("deno"),
  gateway("bun"),
  gateway("node"),
  front("nginx", "nginx, fastcgi_pass", () => Promise.resolve(undefined)),
  front("caddy", "Caddy, php_fastcgi's transport", () => Promise.resolve(caddy)),
];
