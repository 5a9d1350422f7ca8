/** `fcgi serve`: serves the application that a module exports. */
import { describeThrown, messageOf } from "../log/describe.ts";
import type { ServeOptions } from "../serve/options.ts";
import { serve as serveApplication } from "../serve/serve.ts";
import type { ServeApplication } from "../server/application/handler.ts";
import { handlerOf } from "../server/application/handler_of.ts";
import { optionsIn } from "../serve/options.ts";
import { type Arguments, type Command, type OptionSpec, UsageError } from "./command.ts";
import { ExitCode } from "./exit_code.ts";
import { parseHostPort } from "./target.ts";
import type { Terminal } from "./terminal.ts";

/** A limit of `serve()` as an option: its name there, its unit, its default, and what it limits. */
interface Limit {
  readonly property: keyof ServeOptions;
  readonly value: "N" | "BYTES" | "MS";
  readonly fallback: string;
  readonly help: string;
}

const LIMITS: readonly Limit[] = [
  { property: "maxConnections", value: "N", fallback: "4096", help: "connections at once" },
  { property: "maxRequests", value: "N", fallback: "4096", help: "requests at once; more get 503" },
  {
    property: "maxRequestsPerConnection",
    value: "N",
    fallback: "100",
    help: "requests at once on one connection",
  },
  {
    property: "maxBodyBytes",
    value: "BYTES",
    fallback: "134217728",
    help: "the body of a request; more gets 413",
  },
  {
    property: "maxBufferedBodyBytes",
    value: "BYTES",
    fallback: "1048576",
    help: "what is read ahead of a body",
  },
  { property: "maxParams", value: "N", fallback: "1000", help: "parameters; more get 431" },
  {
    property: "maxParamsBytes",
    value: "BYTES",
    fallback: "262144",
    help: "their size; more gets 431",
  },
  {
    property: "paramsTimeout",
    value: "MS",
    fallback: "20000",
    help: "until the parameters are complete",
  },
  {
    property: "handlerTimeout",
    value: "MS",
    fallback: "0, no limit",
    help: "without progress of the application; then 504",
  },
  {
    property: "writeTimeout",
    value: "MS",
    fallback: "360000",
    help: "until a web server that reads nothing is given up",
  },
  {
    property: "shutdownTimeout",
    value: "MS",
    fallback: "7000",
    help: "for the requests in flight at a shutdown",
  },
];

export const serve: Command = {
  name: "serve",
  summary: "serve the application that a module exports",
  operands: [{ name: "APP" }],
  options: [
    { name: "socket", short: "s", value: "PATH", help: "listen on a Unix socket" },
    {
      name: "mode",
      value: "MODE",
      fallback: "what the umask leaves",
      help: "the mode of its file, such as 660: then its group may connect",
    },
    { name: "owner", value: "USER", help: "the owner of its file; for root" },
    { name: "group", value: "GROUP", help: "the group of its file, such as www-data" },
    {
      name: "listen",
      short: "l",
      value: "HOST:PORT",
      fallback: "as it was started: by a web server, systemd or CGI; else 127.0.0.1:9000",
      help: "listen on TCP, instead; a port alone is one of 127.0.0.1",
    },
    { name: "fd", value: "N", help: "listen on an inherited socket, instead" },
    {
      name: "mount",
      value: "/PATH",
      help: "serve an application whose routes begin at / below this path",
    },
    { name: "base-path", value: "/PATH", help: "the mount point, if the web server has it wrong" },
    ...LIMITS.map(({ property, ...limit }): OptionSpec => ({ name: kebab(property), ...limit })),
  ],
  examples: [
    ["fcgi serve app.ts --socket /run/app/fcgi.sock --mode 660", "on a Unix socket"],
    ["fcgi serve app.ts --listen 9000", "on port 9000 of this machine"],
    ["fcgi serve app.ts", "where the one who starts it says"],
  ],
  run: runServe,
};

async function runServe(args: Arguments, terminal: Terminal): Promise<number> {
  const flags = optionsOf(args);
  const name = args.operands[0]!;
  let module: unknown;
  try {
    module = await terminal.load(name);
  } catch (error) {
    terminal.err(`fcgi serve: Cannot load ${name}\n    ${describeThrown(error)}`);
    return ExitCode.NOT_LOADED;
  }
  const application = applicationOf(module);
  if (application === undefined) {
    terminal.err(
      `fcgi serve: ${name} exports no application: write "export default { fetch }", a handler ` +
        "or an instance of a framework; a program that calls serve() is run without fcgi",
    );
    return ExitCode.NOT_LOADED;
  }
  try {
    const options = { ...optionsIn(application), ...flags } as ServeOptions;
    const server = serveApplication(options, application);
    await server.ready;
    await server.finished;
    return ExitCode.SUCCESS;
  } catch (error) {
    terminal.err(`fcgi serve: ${messageOf(error)}`);
    return ExitCode.FAILED;
  }
}

/** What a module exports to be served: its default, or itself if it has a `fetch`. */
function applicationOf(module: unknown): ServeApplication | undefined {
  const { default: byDefault } = module as { default?: unknown };
  return [byDefault, module].find((value) => handlerOf(value) !== undefined) as ServeApplication;
}

/**
 * The options of `serve()` that the command line names.
 *
 * @throws {UsageError} If one is not a number, or two addresses are named.
 */
function optionsOf(args: Arguments): Record<string, unknown> {
  const places = ["socket", "listen", "fd"].filter((name) => args.value(name) !== undefined);
  if (places.length > 1) {
    throw new UsageError(`${places.map((name) => `--${name}`).join(" and ")} exclude each other`);
  }
  const listen = args.value("listen");
  const given: Record<string, unknown> = {
    path: args.value("socket"),
    mode: modeOf(args.value("mode")),
    owner: args.value("owner"),
    group: args.value("group"),
    fd: numberOf("fd", args.value("fd")),
    mount: args.value("mount"),
    basePath: args.value("base-path"),
    ...listen === undefined ? {} : parseHostPort(listen, 0),
  };
  for (const { property } of LIMITS) {
    given[property] = numberOf(kebab(property), args.value(kebab(property)));
  }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

/** The mode of a file, in octal as `chmod` has it. */
function modeOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^(?:0o?)?[0-7]{3}$/.test(text)) {
    throw new UsageError(`--mode cannot be ${text}: it is three octal digits, such as 660`);
  }
  return parseInt(text.slice(-3), 8);
}

function numberOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new UsageError(`--${name} cannot be ${text}: it is a whole number, 0 or more`);
}

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
