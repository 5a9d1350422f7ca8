/**
 * An application in memory that does what a test tells it to: it reads the client's records one by
 * one and answers with scripted bytes.
 *
 * ```ts ignore
 * const application = new Application();
 * const client = new StreamClient({ connect: application.connect });
 * const response = client.fetch(new Request("http://localhost/"));
 * const connection = await application.accept();
 * await connection.request();
 * connection.send(stdout("Status: 200 OK\r\n\r\nHello"), end());
 * ```
 */
import { RecordType } from "../../src/protocol/mod.ts";
import { type FastCgiRecord } from "../../src/protocol/record.ts";
import { RecordDecoder } from "../../src/protocol/record_decoder.ts";
import { type Bytes, bytes, concat, latin1 } from "../_bytes.ts";
import { Duplex } from "../_pair.ts";
import { parsePairs, rawRecord } from "../_records.ts";

/** What came of one request. */
export interface ReceivedRequest {
  role: number;
  flags: number;
  params: [string, string][];
  stdin: Bytes;
  data: Bytes;
}

/** Hands out connections in memory, and lets the test have their other ends. */
export class Application {
  /** How many connections were made. */
  connects = 0;
  readonly #accepted: ApplicationConnection[] = [];
  readonly #waiting: ((connection: ApplicationConnection) => void)[] = [];

  /** For the client's `connect` option. */
  readonly connect = (): Promise<Duplex["peer"]> => {
    this.connects++;
    const duplex = new Duplex();
    const connection = new ApplicationConnection(duplex);
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#accepted.push(connection);
    else waiting(connection);
    return Promise.resolve(duplex.peer);
  };

  /** The next connection that the client makes, or has made. */
  accept(): Promise<ApplicationConnection> {
    const accepted = this.#accepted.shift();
    if (accepted !== undefined) return Promise.resolve(accepted);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

/** The application's end of one connection. */
export class ApplicationConnection {
  readonly duplex: Duplex;
  readonly #decoder = new RecordDecoder();
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;

  constructor(duplex: Duplex) {
    this.duplex = duplex;
    this.#reader = duplex.server.readable.getReader();
    this.#writer = duplex.server.writable.getWriter();
    this.#reader.closed.catch(() => {});
    this.#writer.closed.catch(() => {});
    this.#writer.ready.catch(() => {});
  }

  /** The next record; `undefined` when the client has closed or broken the connection. */
  async record(): Promise<FastCgiRecord | undefined> {
    for (;;) {
      const record = this.#decoder.next();
      if (record !== undefined) return record;
      try {
        const { done, value } = await this.#reader.read();
        if (done) return undefined;
        this.#decoder.push(value);
      } catch {
        return undefined;
      }
    }
  }

  /**
   * Reads a whole request: until PARAMS end for an authorizer, STDIN for a responder, DATA for a
   * filter.
   */
  async request(): Promise<ReceivedRequest> {
    const parts: Record<number, Uint8Array[]> = { 4: [], 5: [], 8: [] };
    let begin: Uint8Array = new Uint8Array(8);
    for (;;) {
      const record = await this.record();
      if (record === undefined) throw new Error("The client closed in the middle of a request");
      if (record.type === RecordType.BEGIN_REQUEST) begin = record.content;
      else if (record.content.length > 0) parts[record.type].push(record.content);
      else if (record.type === LAST_STREAM[begin[1]]) break;
    }
    return {
      role: begin[1],
      flags: begin[2],
      params: parsePairs(concat(parts[4])),
      stdin: concat(parts[5]),
      data: concat(parts[8]),
    };
  }

  /** Sends records, or any bytes, in one write. */
  send(...parts: Uint8Array[]): void {
    this.#writer.write(concat(parts)).catch(() => {});
  }

  /** Waits until the client has taken so much that more may be sent. */
  get ready(): Promise<void> {
    return this.#writer.ready;
  }

  /** Closes the sending side. */
  close(): void {
    this.#writer.close().catch(() => {});
  }

  /** Waits until the client has closed the connection. */
  async closed(): Promise<void> {
    while (await this.record() !== undefined);
  }
}

/** Role → the stream that ends its request. */
const LAST_STREAM: Record<number, number> = {
  1: RecordType.STDIN,
  2: RecordType.PARAMS,
  3: RecordType.DATA,
};

/** A STDOUT record of request 1. */
export function stdout(content: Uint8Array | string): Bytes {
  return rawRecord({ type: RecordType.STDOUT, content, padding: 3 });
}

/** A STDERR record of request 1. */
export function stderr(content: Uint8Array | string): Bytes {
  return rawRecord({ type: RecordType.STDERR, content });
}

/** An END_REQUEST record of request 1. */
export function end(protocolStatus = 0, appStatus = 0): Bytes {
  const content = bytes([0, 0, appStatus >> 8, appStatus, protocolStatus, 0, 0, 0]);
  return rawRecord({ type: RecordType.END_REQUEST, content });
}

/** A whole reply. */
export function reply(text: string): Bytes {
  return concat([stdout(text), stdout(""), end()]);
}

/** A stream of parts that a test gives one by one. */
export function manualStream(): {
  stream: ReadableStream<Bytes>;
  enqueue(part: string | Bytes): void;
  close(): void;
  error(reason: unknown): void;
  cancelled: Promise<unknown>;
} {
  let controller!: ReadableStreamDefaultController<Bytes>;
  const { promise: cancelled, resolve } = Promise.withResolvers<unknown>();
  const stream = new ReadableStream<Bytes>({
    start: (given) => void (controller = given),
    cancel: (reason) => resolve(reason),
  });
  return {
    stream,
    enqueue: (part) => controller.enqueue(bytes(part)),
    close: () => controller.close(),
    error: (reason) => controller.error(reason),
    cancelled,
  };
}

/** A request with a streamed body. */
export function upload(body: ReadableStream<Bytes>, headers: Record<string, string> = {}): Request {
  const init = { method: "POST", headers, body, duplex: "half" };
  return new Request("http://localhost/upload", init as RequestInit);
}

/** The rest of a reader, as Latin-1 text. */
export async function readText(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string> {
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text;
    text += latin1(value);
  }
}
