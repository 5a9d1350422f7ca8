/**
 * A worker: serves the application on the socket that its supervisor holds, and does what that
 * says. Without a supervisor it finishes its requests and ends.
 */
import type { ParentChannel } from "../../runtime/channel.ts";
import { memoryUsed } from "../../runtime/this_process.ts";
import { endProgram } from "../../runtime/standard_streams.ts";
import type { Server } from "../../serve/server.ts";
import { messageOf } from "../../log/describe.ts";
import { print } from "../../log/print.ts";
import { loadApplication, NotLoadedError } from "../application.ts";
import { ExitCode } from "../exit_code.ts";
import { type AccessLog, type LogSettings, startLog } from "../log/access_log.ts";
import type { OwnPaths } from "../own_paths.ts";
import { serveWithCommands } from "../serve_with_commands.ts";
import type { ToSupervisor, ToWorker, WorkerReport } from "./messages.ts";
import { reasonToRetire, type RetireLimits } from "./retire.ts";

// As loaded: applications replace the global.
const { Map, Promise } = globalThis;

/** How often a worker looks whether it has reached a limit, in milliseconds. */
const LOOK_INTERVAL = 1_000;

/** What a supervisor tells a worker when it starts it. */
export interface WorkerSettings {
  /** The module, as the command line has it. */
  readonly app: string;
  /** The descriptor of the socket. */
  readonly fd: number;
  /** Options of `serve()`. */
  readonly options: Record<string, unknown>;
  readonly limits: RetireLimits;
  readonly log: LogSettings;
  readonly paths: OwnPaths;
}

/** Starts to work; returns what stops it. */
export function startWorker(
  settings: WorkerSettings,
  load: () => Promise<unknown>,
  channel: ParentChannel,
): () => void {
  const log = startLog(settings.log, settings.app);
  const worker = new ServingWorker(channel, log);
  channel.listen((message) => worker.receive(message as ToWorker), () => worker.drain());
  void serve(settings, load, worker, log);
  return () => worker.drain();
}

async function serve(
  { app, fd, options, limits, paths }: WorkerSettings,
  load: () => Promise<unknown>,
  worker: ServingWorker,
  log: AccessLog | undefined,
): Promise<void> {
  try {
    const application = await loadApplication(app, load);
    const server = serveWithCommands(
      application,
      {
        ...options,
        fd,
        handleSignals: false,
        onListen: () => {},
      },
      { answer: (what) => worker.ask(what), log, paths },
    );
    await server.ready;
    // It listens, so it is no answer to one CGI request.
    worker.serve(server as Server, limits);
  } catch (error) {
    print(`fcgi serve: ${messageOf(error)}`);
    worker.fail(error instanceof NotLoadedError ? ExitCode.NOT_LOADED : ExitCode.FAILED);
  }
}

class ServingWorker {
  readonly #channel: ParentChannel;
  readonly #log: AccessLog | undefined;
  #server: Server | undefined;
  #isDraining = false;
  #looking: ReturnType<typeof setInterval> | undefined;
  readonly #questions = new Map<number, (answer: string) => void>();
  #lastQuestion = 0;

  constructor(channel: ParentChannel, log: AccessLog | undefined) {
    this.#channel = channel;
    this.#log = log;
  }

  receive(message: ToWorker): void {
    switch (message.type) {
      case "ping":
        if (this.#server !== undefined) this.#send({ type: "pong", report: this.#report() });
        return;
      case "drain":
        return this.drain();
      case "reopen":
        return void this.#reopen();
      case "answer":
        this.#questions.get(message.id)?.(message.body);
        this.#questions.delete(message.id);
    }
  }

  /** Asks the supervisor what only it knows. */
  ask(what: string): Promise<string> {
    const id = ++this.#lastQuestion;
    const { promise, resolve } = Promise.withResolvers<string>();
    this.#questions.set(id, resolve);
    this.#send({ type: "ask", id, what });
    return promise;
  }

  serve(server: Server, limits: RetireLimits): void {
    this.#server = server;
    if (this.#isDraining) return void this.#end();
    this.#send({ type: "ready" });
    this.#looking = setInterval(() => {
      const why = reasonToRetire(limits, this.#report(), Date.now());
      if (why === undefined) return;
      clearInterval(this.#looking);
      this.#send({ type: "retire", why });
    }, LOOK_INTERVAL);
  }

  /** Stops, once: answers what is in flight, and ends. */
  drain(): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    if (this.#server !== undefined) void this.#end();
  }

  /** Ends: there is nothing to serve. */
  fail(code: number): void {
    this.#channel.release();
    endProgram(code);
  }

  async #end(): Promise<void> {
    const server = this.#server!;
    clearInterval(this.#looking);
    await server.stopAccepting();
    this.#send({ type: "closed" });
    await server.shutdown();
    // What it has counted is part of the whole.
    this.#send({ type: "pong", report: this.#report() });
    await this.#log?.close();
    this.#channel.release();
    endProgram(ExitCode.SUCCESS);
  }

  async #reopen(): Promise<void> {
    await this.#log?.reopen();
    this.#send({ type: "reopened" });
  }

  #report(): WorkerReport {
    return { stats: this.#server!.stats(), rss: memoryUsed(), slow: this.#log?.slowRequests ?? 0 };
  }

  #send(message: ToSupervisor): void {
    this.#channel.send(message);
  }
}
