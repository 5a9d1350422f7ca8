/**
 * Serves a connection that is a pair of Web Streams: the engine of {@link Connection} with a thin
 * transport.
 */
import type { ServeApplication, ServeHandler } from "./application/handler.ts";
import { handlerOf } from "./application/handler_of.ts";
import type { ChunkReader } from "./exchange/chunk_reader.ts";
import { CONNECTION_OPTIONS, type ConnectionOptions } from "./application/connection_options.ts";
import { QUIET_LINGER_TIMEOUT } from "./connection/linger.ts";
import { checkNames } from "./application/option_names.ts";
import type { RunInContext } from "./application/run_in_context.ts";
import { Pause } from "./pause.ts";
import { Service } from "./service.ts";
import { StreamWriter } from "./stream_writer.ts";
import type { Transport, TransportEvents } from "./connection/transport.ts";

// As loaded: applications replace the global.
const { Promise } = globalThis;

/** Both directions of a connection. */
export interface StreamPair {
  /** The bytes from the web server. */
  readonly readable: ReadableStream<Uint8Array>;
  /** The bytes to the web server. */
  readonly writable: WritableStream<Uint8Array>;
}

/** The options of {@link serveConnection}. */
export interface ServeConnectionOptions extends ConnectionOptions {
  /**
   * Drains the connection when it aborts: requests in flight are answered, then the connection
   * ends.
   */
  signal?: AbortSignal;
}

/** Implements the public function of this name; `runInContext` calls application code. */
export async function serveConnection(
  streams: StreamPair,
  handler: ServeHandler | ServeApplication,
  options: ServeConnectionOptions = {},
  runInContext?: RunInContext,
): Promise<void> {
  const names = { ...CONNECTION_OPTIONS, signal: true };
  checkNames(options, names, "serve the connection", "the third argument");
  const answering = handlerOf(handler);
  if (answering === undefined) {
    throw new TypeError("Cannot serve the connection: the second argument is no handler");
  }
  const { signal } = options;
  const service = new Service(answering, options, {}, runInContext);
  const transport = new StreamTransport(streams);
  const connection = service.accept(transport);
  const drain = () => connection.drain();
  signal?.addEventListener("abort", drain, { once: true });
  if (signal?.aborted) connection.endWhenDone();
  try {
    await transport.run(connection);
    await service.drain();
  } finally {
    signal?.removeEventListener("abort", drain);
  }
}

/** Two Web Streams as a {@link Transport}. */
class StreamTransport implements Transport {
  readonly #reader: ChunkReader<Uint8Array>;
  readonly #writer: StreamWriter;
  readonly #pause = new Pause();
  readonly #closed = Promise.withResolvers<void>();
  #events: TransportEvents | undefined;
  #hasEnded = false;
  #peerEnded = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor({ readable, writable }: StreamPair) {
    this.#reader = readable.getReader();
    this.#writer = new StreamWriter(writable, () => this.#events?.drained());
  }

  /** Feeds the connection; resolves when both streams are closed. */
  async run(events: TransportEvents): Promise<void> {
    this.#events = events;
    this.#writer.closed.catch((error) => events.closed(error));
    try {
      for (;;) {
        const { done, value } = await this.#reader.read();
        if (done) break;
        events.receive(value);
        if (this.#pause.over !== undefined) await this.#pause.over;
      }
      events.receiveEnd();
    } catch (error) {
      events.closed(error);
    }
    this.#peerEnded = true;
    if (this.#timer !== undefined) this.#cancel();
    await this.#closed.promise;
  }

  get backlog(): number {
    return this.#writer.backlog;
  }

  write(bytes: Uint8Array): boolean {
    // A stream may transfer a chunk: it must not get a slice of memory that other bytes share.
    const isWhole = bytes.length === bytes.buffer.byteLength;
    this.#writer.write(isWhole ? bytes : bytes.slice());
    return this.#writer.hasRoom();
  }

  pause(): void {
    this.#pause.begin();
  }

  resume(): void {
    this.#pause.end();
  }

  end(sent: () => void): void {
    this.#writer.close().then(() => {
      this.#hasEnded = true;
      sent();
    }, () => {});
  }

  destroy(): void {
    this.resume();
    // Not awaited: behind a write that is never accepted, a stream may never process its abort.
    void this.#writer.abort();
    const isPolite = this.#hasEnded && !this.#peerEnded;
    if (isPolite) this.#timer = setTimeout(() => this.#cancel(), QUIET_LINGER_TIMEOUT);
    else this.#cancel();
  }

  /**
   * Cancels the readable side. Delayed after an orderly end: the peer, about to close its stream,
   * would see that fail.
   */
  #cancel(): void {
    clearTimeout(this.#timer);
    this.#reader.cancel().catch(() => {}).then(() => this.#closed.resolve());
  }
}
