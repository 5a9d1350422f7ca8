/** `fcgi dev`: an application behind a web server of its own, for whoever works on it. */
import { onInterrupt } from "../runtime/interrupt.ts";
import { checkFile, isFileName, NoFileError } from "../runtime/load_module.ts";
import { privatePlaces } from "../runtime/private_places.ts";
import { isDirectory, watchFiles } from "../runtime/watch_files.ts";
import { type Arguments, type Command, UsageError } from "./command.ts";
import { Answerer } from "./dev/answerer.ts";
import { type Fronts, openFronts } from "./dev/fronts.ts";
import { Generations } from "./dev/generations.ts";
import { Loops } from "./dev/loops.ts";
import { STOP_TIMEOUT } from "./dev/process.ts";
import { sourcesIn } from "./dev/sources.ts";
import { ExitCode } from "./exit_code.ts";
import { numberOf } from "./numbers.ts";
import { optionsOf, SERVE_OPTIONS } from "./serve_options.ts";
import type { Terminal } from "./terminal.ts";

// As loaded: applications replace the global.
const { Promise } = globalThis;

const PORT = 8000;
/** Ctrl-C was pressed twice: what a shell reports for SIGINT. */
const INTERRUPTED = 130;
/** So long answers may take to their clients when the application has ended, in milliseconds. */
const LAST_ANSWERS = 200;

export const dev: Command = {
  name: "dev",
  summary: "serve it over HTTP while you work on it: reloads, shows errors",
  operands: [{ name: "APP" }],
  options: [
    {
      name: "port",
      short: "p",
      value: "N",
      fallback: `${PORT}, or the next one that is free`,
      help: "the HTTP port",
    },
    {
      name: "host",
      value: "HOST",
      fallback: "127.0.0.1 and ::1",
      help: "listen on this address, or on that of this name; 0.0.0.0 lets other machines in",
    },
    {
      name: "watch",
      value: "DIR",
      isRepeated: true,
      fallback: "that of APP",
      help: "reload when a source file below this directory changes",
    },
    {
      name: "ignore",
      value: "NAME",
      isRepeated: true,
      help: "but not for files and directories of this name, nor node_modules, nor .anything",
    },
    ...SERVE_OPTIONS.filter(({ name }) => name === "mount" || name === "base-path"),
  ],
  examples: [
    ["fcgi dev app.ts", "on http://localhost:8000/"],
    ["fcgi dev app.ts --port 3000 --watch src --watch ../shared", "reload for both directories"],
    ["fcgi dev server/app.ts --mount /shop", "below a path, as the web server will have it"],
  ],
  run: runDev,
};

async function runDev(args: Arguments, terminal: Terminal): Promise<number> {
  const app = args.operands[0]!;
  const port = portOf(args);
  try {
    checkFile(app);
  } catch (error) {
    if (!(error instanceof NoFileError)) throw error;
    terminal.err(`fcgi dev: ${error.message}`);
    return ExitCode.NOT_LOADED;
  }
  const host = args.value("host")?.replace(/^\[(.*)\]$/, "$1");
  const directories = directoriesOf(args, terminal);
  const options = { ...optionsOf(args), shutdownTimeout: STOP_TIMEOUT };
  const say = (line: string) => void terminal.out(`fcgi dev: ${line}\n`).catch(() => {});

  const places = privatePlaces();
  const generations = new Generations(
    () => ({ app, place: places.next(), options }),
    {
      ready: (generation, duration) =>
        say(`${generation === 1 ? "ready" : "reloaded"} in ${duration.toFixed(0)} ms`),
      failed: (failure) => void answerer.print(failure, `Cannot start ${app}`),
      slow: (duration) =>
        say(`the application is not ready after ${duration / 1000} s: what does it wait for?`),
      ended: (how) => terminal.err(`fcgi dev: the application has ended by itself: ${how}`),
    },
  );
  const answerer = new Answerer(generations, terminal, host);
  try {
    const fronts = await openFronts(
      host,
      port,
      (request, ends) => answerer.answer(request, ends),
    );
    const stopped = stopOnInterrupt(generations, fronts);
    if (port !== 0 && fronts.port !== port) say(`port ${port} is in use, so it is another one:`);
    say(`${fronts.url.slice(0, -1)}${args.value("mount") ?? "/"} is ${app}`);
    say(`reloads when a source file changes in ${directories.join(" or ")}`);
    const stopWatching = watch(directories, args.values("ignore"), generations, say);
    generations.start();
    const code = await stopped;
    stopWatching();
    fronts.close();
    return code;
  } finally {
    places.remove();
  }
}

/** Starts the application anew when its source changes; returns what ends that. */
function watch(
  directories: readonly string[],
  ignored: readonly string[],
  generations: Generations,
  say: (line: string) => void,
): () => void {
  const loops = new Loops((path) => {
    say(`${path} changes whenever the application starts: it is not watched any more`);
  });
  return watchFiles(sourcesIn(directories, ignored), (files) => {
    const [first, ...others] = loops.filter(files, generations.lastStart);
    if (first === undefined) return;
    const more = others.length === 0 ? "" : ` and ${others.length} more`;
    say(`${shorten(first, directories)}${more} changed`);
    generations.start();
  });
}

function shorten(path: string, directories: readonly string[]): string {
  const directory = directories.find((directory) => path.startsWith(directory));
  return directory === undefined ? path : path.slice(directory.length).replace(/^[\\/]/, "");
}

/** Ends all at the first signal, and at once at a second one; resolves with the exit code. */
function stopOnInterrupt(generations: Generations, fronts: Fronts): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  onInterrupt((isAgain) => {
    if (isAgain) {
      generations.kill();
      return resolve(INTERRUPTED);
    }
    const answered = fronts.shutdown();
    void generations.stop().then(() => {
      // What waits for an application that has not started is never answered.
      setTimeout(() => resolve(ExitCode.SUCCESS), LAST_ANSWERS);
      return answered;
    }).then(() => resolve(ExitCode.SUCCESS));
  });
  return promise;
}

function portOf(args: Arguments): number {
  const port = numberOf("port", args.value("port")) ?? PORT;
  if (port <= 65_535) return port;
  throw new UsageError(`--port cannot be ${port}: it is at most 65535`);
}

function directoriesOf(args: Arguments, terminal: Terminal): string[] {
  const app = args.operands[0]!;
  const given = args.values("watch");
  const named = given.length > 0 ? given : [isFileName(app) ? `${app}/..` : "."];
  return named.map((name) => {
    const directory = terminal.absolute(name);
    if (isDirectory(directory)) return directory;
    throw new UsageError(`There is no directory ${directory} to watch`);
  });
}
