/**
 * An HTTP/1.1 client on a bare socket: it sends a request line and header fields byte for byte as a
 * test wrote them, reads as slowly as the test does, and tells a response that ended from one that
 * broke off.
 *
 * Strings are bytes, here and in what comes back: code unit n is byte n.
 */
import { Buffer } from "node:buffer";
import { connect, type Socket } from "node:net";

export interface HttpRequest {
  /** @default "GET" */
  method?: string;
  /** The request target, as it is sent. @default "/" */
  target?: string;
  /** @default "example.org", without a port, as a browser has it on port 80 */
  host?: string;
  /** Header fields beside Host, as they are sent. */
  headers?: [name: string, value: string][];
  /** Sent with a Content-Length, or in chunks when it is an iterable of them. */
  body?: Uint8Array | AsyncIterable<Uint8Array>;
  /** The length of a `body` that comes in parts, which are then sent with it and not in chunks. */
  length?: number;
  /** Where `http` connects from. @default 127.0.0.1 */
  localAddress?: string;
}

export interface HttpHead {
  status: number;
  reason: string;
  /** As they came, names in lower case. */
  headers: [name: string, value: string][];
}

export interface HttpResponse extends HttpHead {
  body: Uint8Array;
  text: string;
  /** Whether the body came to its end; `false` if the connection ended before it did. */
  isComplete: boolean;
  /** The values of a header field. */
  all(name: string): string[];
}

/** The bytes of a string whose code units are bytes. */
export const bytesOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "latin1"));

/** Makes one request on a connection of its own and reads the whole answer. */
export async function http(port: number, request: HttpRequest = {}): Promise<HttpResponse> {
  await using connection = await HttpConnection.open(port, request.localAddress);
  return await connection.fetch(request);
}

/** How the body of a response ends (RFC 9112, section 6.3). */
type Framing = { kind: "length"; left: number } | { kind: "chunked" } | { kind: "close" };

/** One connection to a web server on 127.0.0.1. */
export class HttpConnection implements AsyncDisposable {
  /** The client's own port. */
  readonly localPort: number;
  /** Whether the body of the last response has come to its end. */
  isComplete = false;
  /** Bytes of request bodies that the socket has taken. */
  written = 0;
  readonly #socket: Socket;
  readonly #chunks: AsyncIterator<Uint8Array>;
  #buffer: Uint8Array = new Uint8Array(0);
  #framing: Framing = { kind: "length", left: 0 };

  constructor(socket: Socket) {
    this.#socket = socket;
    this.localPort = socket.localPort!;
    // Reads from the socket only what is asked for.
    this.#chunks = socket[Symbol.asyncIterator]();
    // A reset is told by the reads, as an end is.
    socket.on("error", () => {});
  }

  static open(port: number, localAddress?: string): Promise<HttpConnection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: "127.0.0.1", port, noDelay: true, localAddress });
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.removeListener("error", reject);
        resolve(new HttpConnection(socket));
      });
    });
  }

  /** Sends a request and reads its whole answer. */
  async fetch(request: HttpRequest = {}): Promise<HttpResponse> {
    const sent = this.send(request);
    const head = await this.head(request.method);
    const body: Uint8Array[] = [];
    for (let part = await this.read(); part !== null; part = await this.read()) body.push(part);
    await sent;
    return response(head, Buffer.concat(body), this.isComplete);
  }

  /** Sends a request, no faster than it is taken. */
  async send(request: HttpRequest): Promise<void> {
    const { method = "GET", target = "/", host = "example.org", headers = [], body } = request;
    let lines = `${method} ${target} HTTP/1.1\r\nHost: ${host}\r\n`;
    for (const [name, value] of headers) lines += `${name}: ${value}\r\n`;
    const length = body instanceof Uint8Array ? body.length : request.length;
    if (length !== undefined) lines += `Content-Length: ${length}\r\n`;
    else if (body !== undefined) lines += "Transfer-Encoding: chunked\r\n";
    await this.#write(bytesOf(`${lines}\r\n`));
    if (body === undefined) return;
    for await (const part of body instanceof Uint8Array ? [body] : body) {
      if (length === undefined) await this.#write(bytesOf(`${part.length.toString(16)}\r\n`));
      await this.#write(part);
      this.written += part.length;
      if (length === undefined) await this.#write(bytesOf("\r\n"));
    }
    if (length === undefined) await this.#write(bytesOf("0\r\n\r\n"));
  }

  /** Reads the head of a response; status 0 if the connection ended without one. */
  async head(method = "GET"): Promise<HttpHead> {
    this.isComplete = false;
    const block = await this.#until("\r\n\r\n");
    if (block === null) {
      this.#framing = { kind: "length", left: Infinity };
      return { status: 0, reason: "", headers: [] };
    }
    const [first, ...lines] = block.split("\r\n");
    const [, code, reason] = /^HTTP\/1\.[01] (\d{3}) ?(.*)$/s.exec(first!) ?? [];
    const status = Number(code);
    const headers = lines.map((line): [string, string] => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    });
    const value = (name: string) => headers.find(([other]) => other === name)?.[1];
    const length = value("content-length");
    if (method === "HEAD" || status === 204 || status === 304) {
      this.#framing = { kind: "length", left: 0 };
    } else if (value("transfer-encoding")?.toLowerCase() === "chunked") {
      this.#framing = { kind: "chunked" };
    } else if (length !== undefined) {
      this.#framing = { kind: "length", left: Number(length) };
    } else {
      this.#framing = { kind: "close" };
    }
    return { status, reason: reason ?? "", headers };
  }

  /**
   * Reads the next part of the body, which is one chunk if it is chunked; `null` at its end, good
   * or bad.
   */
  async read(): Promise<Uint8Array | null> {
    if (this.isComplete) return null;
    const framing = this.#framing;
    if (framing.kind === "chunked") return await this.#readChunk();
    if (framing.kind === "length" && framing.left === 0) {
      this.isComplete = true;
      return null;
    }
    if (this.#buffer.length === 0 && !(await this.#more())) {
      this.isComplete = framing.kind === "close";
      return null;
    }
    return this.#take(framing.kind === "length" ? framing.left : Infinity);
  }

  /** Closes both sides, as a browser does whose tab is closed. */
  close(): void {
    this.#socket.destroy();
  }

  /** Closes with a reset. */
  reset(): void {
    this.#socket.resetAndDestroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#socket.closed) return;
    const closed = new Promise<void>((resolve) => this.#socket.once("close", () => resolve()));
    this.#socket.destroy();
    await closed;
  }

  async #readChunk(): Promise<Uint8Array | null> {
    const size = await this.#until("\r\n");
    const length = parseInt(size ?? "", 16);
    while (this.#buffer.length < length + 2) {
      if (!(await this.#more())) return this.#buffer.length > 0 ? this.#take(length) : null;
    }
    if (Number.isNaN(length)) return null;
    const chunk = this.#take(length);
    this.#take(2);
    if (length > 0) return chunk;
    this.isComplete = true;
    return null;
  }

  #take(most: number): Uint8Array {
    const part = this.#buffer.subarray(0, most);
    this.#buffer = this.#buffer.subarray(part.length);
    if (this.#framing.kind === "length") this.#framing.left -= part.length;
    return part;
  }

  /** Takes what comes before `mark`, and the mark; `null` if the connection ends first. */
  async #until(mark: string): Promise<string | null> {
    for (;;) {
      const at = Buffer.from(this.#buffer).indexOf(mark);
      if (at >= 0) {
        const text = Buffer.from(this.#buffer.subarray(0, at)).toString("latin1");
        this.#buffer = this.#buffer.subarray(at + mark.length);
        return text;
      }
      if (!(await this.#more())) return null;
    }
  }

  async #more(): Promise<boolean> {
    let read;
    try {
      read = await this.#chunks.next();
    } catch {
      return false;
    }
    if (read.done) return false;
    this.#buffer = this.#buffer.length === 0
      ? read.value
      : Buffer.concat([this.#buffer, read.value]);
    return true;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length && !this.#socket.destroyed; at += 65536) {
      if (this.#socket.write(bytes.subarray(at, at + 65536))) continue;
      await new Promise<void>((resolve) => {
        const done = () => {
          this.#socket.off("drain", done).off("close", done);
          resolve();
        };
        this.#socket.on("drain", done).on("close", done);
      });
    }
  }
}

function response(head: HttpHead, body: Uint8Array, isComplete: boolean): HttpResponse {
  return {
    ...head,
    body,
    text: new TextDecoder().decode(body),
    isComplete,
    all: (name) => head.headers.filter(([other]) => other === name).map(([, value]) => value),
  };
}
