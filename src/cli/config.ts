/** `fcgi config`: a configuration of a web server, or of systemd, for an application. */
import { isDeno } from "../runtime/deno.ts";
import { ownCommand } from "../runtime/own_command.ts";
import { type Arguments, type Command, UsageError } from "./command.ts";
import { apache } from "./config/apache.ts";
import { caddy } from "./config/caddy.ts";
import { check } from "./config/check.ts";
import { haproxy } from "./config/haproxy.ts";
import { htaccess } from "./config/htaccess.ts";
import type { Configuration, Site } from "./config/kind.ts";
import { lighttpd } from "./config/lighttpd.ts";
import { nginx } from "./config/nginx.ts";
import {
  accountOf,
  addressOf,
  appOf,
  basePathOf,
  CONFIG_OPTIONS,
  siteOf,
  workersOf,
} from "./config/options.ts";
import { shellWord } from "./config/quote.ts";
import { systemd } from "./config/systemd.ts";
import { ExitCode } from "./exit_code.ts";
import { nearest } from "./nearest.ts";
import { suggestion } from "./parse.ts";
import type { Terminal } from "./terminal.ts";

// As loaded: `fcgi serve` runs applications, which replace the global.
const { Map } = globalThis;

/** What can be configured. */
interface Kind {
  /** The options that it takes, beside `--check`. */
  readonly options: readonly string[];
  /** What to do instead of giving it others, where that is not plain. */
  readonly instead?: Record<string, string>;
  make(args: Arguments, terminal: Terminal): Configuration;
}

const SITE_OPTIONS = ["socket", "connect", "host", "port", "base-path", "root", "workers"];

const KINDS: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  ["nginx", { ...siteKind(nginx), options: [...SITE_OPTIONS, "socket-per-worker"] }],
  ["lighttpd", siteKind(lighttpd)],
  ["apache", siteKind(apache)],
  ["htaccess", {
    options: ["app"],
    make: (args, terminal) =>
      htaccess(appOf(args, terminal), [...homeOf(terminal), ...ownCommand()]),
  }],
  ["caddy", siteKind(caddy)],
  ["haproxy", {
    ...siteKind(haproxy),
    options: [...SITE_OPTIONS.filter((name) => name !== "root"), "socket-per-worker"],
    instead: { root: "HAProxy serves no files; let the application serve them" },
  }],
  ["systemd", {
    options: ["socket", "connect", "base-path", "workers", "app", "user", "group"],
    make: (args, terminal) =>
      systemd({
        address: addressOf(args, terminal),
        app: appOf(args, terminal),
        command: ownCommand(),
        workers: workersOf(args),
        isDeno,
        basePath: basePathOf(args),
        user: accountOf(args, "user"),
        group: accountOf(args, "group"),
      }),
  }],
]);

/** The options whose values are paths. */
const PATHS = ["socket", "root", "app"];
const NAMES = [...KINDS.keys()];

export const config: Command = {
  name: "config",
  summary: "print a configuration of a web server or of systemd",
  operands: [{ name: "SERVER" }],
  options: CONFIG_OPTIONS,
  examples: [
    [
      "fcgi config nginx --socket /run/app/fcgi.sock --host example.org",
      "a site of nginx; or of lighttpd, apache, htaccess, caddy, haproxy",
    ],
    [
      "fcgi config caddy -c 9000 --root public --base-path /app --check",
      "files first, the application below /app; does Caddy take it?",
    ],
    [
      "fcgi config systemd --socket /run/app/fcgi.sock --app app.ts --workers 4",
      "what starts the application",
    ],
  ],
  run: runConfig,
};

async function runConfig(args: Arguments, terminal: Terminal): Promise<number> {
  const name = args.operands[0]!;
  const kind = KINDS.get(name);
  if (kind === undefined) {
    throw new UsageError(
      `There is no configuration of ${name}, but of ${NAMES.join(", ")}${
        suggestion(nearest(name, NAMES))
      }`,
    );
  }
  refuseOthers(name, kind, args);
  const { lines, hints, test } = kind.make(args, terminal);
  const text = [`# ${commandLine(name, kind, args, terminal)}`, ...lines, ""].join("\n");
  await terminal.out(text);
  hints.forEach((hint) => terminal.err(hint));
  if (!args.has("check")) return ExitCode.SUCCESS;
  const verdict = test === undefined
    ? { isGood: false, lines: [`Not tested: there is no test of ${name} beside its server`] }
    : await check(test, text);
  verdict.lines.forEach((line) => terminal.err(line));
  return verdict.isGood ? ExitCode.SUCCESS : ExitCode.FAILED;
}

/** mod_fcgid hands on no environment but PATH; runtimes have their caches below the home. */
function homeOf(terminal: Terminal): readonly string[] {
  const home = terminal.variable("HOME");
  return home === undefined ? [] : ["env", `HOME=${home}`];
}

function siteKind(make: (site: Site) => Configuration): Kind {
  return {
    options: SITE_OPTIONS,
    instead: { "socket-per-worker": "it opens a connection for each request; one socket will do" },
    make: (args, terminal) => make(siteOf(args, terminal)),
  };
}

/**
 * Refuses options that are for other servers. Those of the environment are left alone, where they
 * may be meant for `fcgi serve`.
 */
function refuseOthers(server: string, { options, instead = {} }: Kind, args: Arguments): void {
  for (const { name, short } of CONFIG_OPTIONS) {
    if (name === "check" || options.includes(name)) continue;
    const flags = [`--${name}`, ...short === undefined ? [] : [`-${short}`]];
    const isWritten = args.raw.some((arg) =>
      flags.some((flag) => arg === flag || arg.startsWith(`${flag}=`))
    );
    if (!isWritten) continue;
    const reason = instead[name];
    throw new UsageError(
      `--${name} is not for ${server}${reason === undefined ? "" : `: ${reason}`}`,
    );
  }
}

/**
 * The command that prints the same once more, wherever it is run: for the head of the file.
 *
 * @throws {UsageError} If it is more than a line.
 */
function commandLine(
  server: string,
  { options }: Kind,
  args: Arguments,
  terminal: Terminal,
): string {
  const given = options.flatMap((name) => {
    if (!args.has(name)) return [];
    const value = args.value(name);
    if (value === undefined) return [`--${name}`];
    if (/\p{Cc}/u.test(value)) throw new UsageError(`--${name} has a control character`);
    return [`--${name}`, PATHS.includes(name) ? terminal.absolute(value) : value];
  });
  return ["fcgi", "config", server, ...given].map(shellWord).join(" ");
}
