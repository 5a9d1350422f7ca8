/**
 * The process of an application for `fcgi dev`: serves it on a socket of its own, and lets its
 * errors be seen. Nothing of this is in the workers of `fcgi serve`.
 */
import { describeThrown, lineOf } from "../../log/describe.ts";
import { print } from "../../log/print.ts";
import type { ParentChannel } from "../../runtime/channel.ts";
import { type Place, removePlace } from "../../runtime/private_places.ts";
import { endProgram } from "../../runtime/standard_streams.ts";
import { syntaxPlace } from "../../runtime/syntax_place.ts";
import { optionsIn, type ServeOptions } from "../../serve/options.ts";
import { serve } from "../../serve/serve.ts";
import type { FastCgiServer } from "../../serve/server.ts";
import type { ErrorHandler } from "../../server/application/handler.ts";
import { handlerOf } from "../../server/application/handler_of.ts";
import { loadApplication } from "../application.ts";
import { ExitCode } from "../exit_code.ts";
import { type Failure, failureOf, placeIn } from "./failure.ts";
import {
  FAILURE_HEADER,
  type FromWorker,
  type ReportedFailure,
  type ToWorker,
} from "./messages.ts";

// As loaded: applications replace the global.
const { Response } = globalThis;

/** What the process is told when it is started. */
export interface DevSettings {
  /** The module, as the command line has it. */
  readonly app: string;
  /** Where to listen. */
  readonly place: Place;
  /** Options of `serve()`. */
  readonly options: Record<string, unknown>;
}

/** Options of an application that are about its address: it gets one of ours. */
const PLACE_NAMES = ["path", "mode", "owner", "group", "port", "hostname", "fd"];

/** Starts to work; returns what stops it. */
export function startDevWorker(
  settings: DevSettings,
  load: () => Promise<unknown>,
  channel: ParentChannel,
): () => void {
  const worker = new DevWorker(settings, channel);
  channel.listen((message) => {
    if ((message as ToWorker).type === "drain") worker.drain();
  }, () => worker.abandon());
  void worker.run(load);
  return () => worker.drain();
}

class DevWorker {
  readonly #settings: DevSettings;
  readonly #channel: ParentChannel;
  #server: FastCgiServer | undefined;
  #isDraining = false;
  #isAbandoned = false;

  constructor(settings: DevSettings, channel: ParentChannel) {
    this.#settings = settings;
    this.#channel = channel;
  }

  async run(load: () => Promise<unknown>): Promise<void> {
    const { app, place, options } = this.#settings;
    try {
      const application = await loadApplication(app, load);
      const own = optionsIn(application) as Record<string, unknown>;
      for (const name of PLACE_NAMES) delete own[name];
      const server = serve({
        ...own,
        ...options,
        ...place,
        handleSignals: false,
        onListen: () => {},
        onError: showErrors(own.onError as ErrorHandler | undefined),
      } as ServeOptions, handlerOf(application)!);
      const address = await server.ready;
      this.#server = server;
      if (this.#isDraining) return void this.#shutDown(server);
      this.#send({ type: "ready", address });
    } catch (error) {
      this.#send({ type: "failed", failure: loadFailure(error) });
      this.#end(ExitCode.NOT_LOADED);
    }
  }

  /** Stops, once: answers what is in flight, and ends. */
  drain(): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    // An application that is being loaded may wait for ever.
    if (this.#server === undefined) this.#end(ExitCode.SUCCESS);
    else void this.#shutDown(this.#server);
  }

  /** Nobody asks any more: stops, and leaves nothing behind. */
  abandon(): void {
    this.#isAbandoned = true;
    this.drain();
  }

  async #shutDown(server: FastCgiServer): Promise<void> {
    await server.shutdown();
    this.#end(ExitCode.SUCCESS);
  }

  #end(code: number): void {
    if (this.#isAbandoned) removePlace(this.#settings.place);
    this.#channel.release();
    endProgram(code);
  }

  #send(message: FromWorker): void {
    this.#channel.send(message);
  }
}

/** The application's own error that has kept it from being loaded. */
function loadFailure(error: unknown): Failure {
  const cause = (error as Error).cause ?? error;
  const failure = failureOf(cause);
  if (failure.place !== undefined || failure.name !== "SyntaxError") return failure;
  const place = placeIn([syntaxPlace() ?? ""]);
  return place === undefined ? failure : { ...failure, place };
}

/**
 * Answers for a failed handler with its error. An application that has an `onError` decides itself,
 * as it does in production.
 */
function showErrors(own: ErrorHandler | undefined): ErrorHandler {
  return async (error, context) => {
    const answer = await own?.(error, context);
    if (typeof answer === "object" && answer !== null) return answer;
    const failure = failureOf(error);
    if (own === undefined) print(failure.trace);
    if (context.request === undefined) return;
    const reported: ReportedFailure = own === undefined
      ? { ...failure, logLine: lineOf(describeThrown(error)) }
      : failure;
    return new Response(JSON.stringify(reported), {
      status: 500,
      headers: { [FAILURE_HEADER]: "1", "content-type": "application/json" },
    });
  };
}
