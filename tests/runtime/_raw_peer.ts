/**
 * A web server's end of one connection, on a bare socket: it can send half a record, close one
 * side, reset, stop reading, and it shows what came back as it came. No client of ours is in
 * between.
 *
 * ```ts ignore
 * await using peer = await RawPeer.connect(server.addr);
 * peer.send(request({ uri: "/hello" }));
 * assertEquals((await peer.reply()).text, "Hello");
 * ```
 */
import { connect, type Socket } from "node:net";
import {
  decodeEndRequest,
  encodeBeginRequest,
  encodeGetValues,
  encodeNameValues,
  encodeStream,
  FCGI_KEEP_CONN,
  RecordType,
  Role,
} from "../../src/protocol/mod.ts";
import { RecordDecoder } from "../../src/protocol/record_decoder.ts";
import type { ServeAddress } from "../../mod.ts";

/** How long a wait lasts before it fails, in milliseconds; below the deadline of a test. */
const PATIENCE = 8_000;
/** How much is written at once before the socket is asked whether it takes more. */
const WRITE_BYTES = 64 * 1024;

/** One request, as {@link request} puts it into bytes. */
export interface PeerRequest {
  /** @default 1 */
  id?: number;
  /** FCGI_KEEP_CONN. @default {true} */
  keep?: boolean;
  /** @default "GET" */
  method?: string;
  /** REQUEST_URI. @default "/" */
  uri?: string;
  /** Parameters beside those that every request has, or instead of them. */
  params?: Record<string, string>;
  /** STDIN. @default nothing but its end */
  body?: Uint8Array;
}

/** One answer, from its header block to END_REQUEST. */
export interface PeerReply {
  status: number;
  headers: Headers;
  body: Uint8Array;
  text: string;
  stderr: string;
  protocolStatus: number;
}

/** A whole request: BEGIN_REQUEST, PARAMS and STDIN, both with their ends. */
export function request(init: PeerRequest = {}): Uint8Array {
  const { id = 1, body = new Uint8Array(0) } = init;
  return join(requestHead(init), encodeStream(RecordType.STDIN, id, body));
}

/** BEGIN_REQUEST and PARAMS: a request whose STDIN is still to come. */
export function requestHead(init: PeerRequest = {}): Uint8Array {
  const { id = 1, keep = true, method = "GET", uri = "/", params = {} } = init;
  const [path, query = ""] = uri.split("?", 2);
  return join(
    encodeBeginRequest(id, { role: Role.RESPONDER, flags: keep ? FCGI_KEEP_CONN : 0 }),
    encodeStream(
      RecordType.PARAMS,
      id,
      encodeNameValues(Object.entries({
        GATEWAY_INTERFACE: "CGI/1.1",
        SERVER_PROTOCOL: "HTTP/1.1",
        SERVER_NAME: "example.org",
        SERVER_PORT: "80",
        HTTP_HOST: "example.org",
        REMOTE_ADDR: "192.0.2.1",
        REMOTE_PORT: "50000",
        REQUEST_METHOD: method,
        REQUEST_URI: uri,
        SCRIPT_NAME: path!,
        QUERY_STRING: query,
        ...params,
      })),
    ),
  );
}

export function join(...parts: Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

/** What has come for one request id. */
interface Incoming {
  stdout: Uint8Array[];
  stderr: Uint8Array[];
  protocolStatus: number | undefined;
}

/** One connection, seen from the web server. */
export class RawPeer implements AsyncDisposable {
  /** Takes STDOUT content instead of {@link reply}, which then has only what came before. */
  onStdout: ((content: Uint8Array) => void) | undefined;
  /** How the other end has closed its sending side: `null` while it has not. */
  ending: "end" | "reset" | null = null;
  /** Bytes that have come. */
  received = 0;
  /** The peer's own port, for TCP. */
  readonly localPort: number | undefined;
  readonly #socket: Socket;
  readonly #decoder = new RecordDecoder();
  readonly #incoming = new Map<number, Incoming>();
  /** Those who wait for something to happen. */
  #waiting: (() => void)[] = [];
  #isClosed = false;
  #isBroken = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.localPort = socket.localPort;
    socket.on("data", (chunk: Uint8Array) => this.#receive(chunk));
    socket.on("end", () => this.#happened(() => this.ending ??= "end"));
    socket.on("error", () => this.#happened(() => this.ending ??= "reset"));
    socket.on("close", () => this.#happened(() => this.#isClosed = true));
  }

  /** Connects to an address; rejects when nobody listens. */
  static connect(address: ServeAddress): Promise<RawPeer> {
    return new Promise((resolve, reject) => {
      const socket = connect(
        address.transport === "unix"
          ? { path: address.path, allowHalfOpen: true }
          : { host: address.hostname, port: address.port, allowHalfOpen: true, noDelay: true },
      );
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.removeListener("error", reject);
        resolve(new RawPeer(socket));
      });
    });
  }

  /** Whether the other end has sent an invalid record: the sign of a response that broke off. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** Sends bytes as they are. */
  send(...parts: Uint8Array[]): void {
    this.#socket.write(join(...parts));
  }

  /** Sends bytes no faster than they are taken; stops when the connection has ended. */
  async sendSlowly(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length && !this.#isClosed; at += WRITE_BYTES) {
      if (this.#socket.write(bytes.subarray(at, at + WRITE_BYTES))) continue;
      await new Promise<void>((resolve) => {
        this.#socket.once("drain", resolve);
        this.#waiting.push(resolve);
      });
    }
  }

  /** Closes the sending side; what comes is still read. */
  end(): void {
    this.#socket.end();
  }

  /** Closes both sides at once, with a reset where there is one: a Unix socket has none. */
  reset(): void {
    if (this.localPort === undefined) this.#socket.destroy();
    else this.#socket.resetAndDestroy();
  }

  /** Stops reading. */
  pause(): void {
    this.#socket.pause();
  }

  /** Reads again. */
  resume(): void {
    this.#socket.resume();
  }

  /**
   * Waits until everything that was sent has been read: a question behind it is answered, and
   * nothing else comes.
   */
  async fence(): Promise<void> {
    const before = this.received;
    this.send(encodeGetValues([]));
    await this.until(() => this.received > before, "the answer to GET_VALUES");
  }

  /** Sends a whole request and waits for its answer. */
  fetch(init: PeerRequest = {}): Promise<PeerReply> {
    this.send(request(init));
    return this.reply(init.id);
  }

  /** Waits for END_REQUEST, and takes the answer. */
  async reply(id = 1): Promise<PeerReply> {
    const find = () => {
      const incoming = this.#incoming.get(id);
      return incoming?.protocolStatus === undefined ? undefined : incoming;
    };
    const { stdout, stderr, protocolStatus } = await this.until(find, `the end of request ${id}`);
    this.#incoming.delete(id);
    const bytes = join(...stdout);
    const { status, headers, start } = readHeaderBlock(bytes);
    const body = bytes.subarray(start);
    const text = new TextDecoder().decode(body);
    return {
      status,
      headers,
      body,
      text,
      stderr: new TextDecoder().decode(join(...stderr)),
      protocolStatus: protocolStatus!,
    };
  }

  /** Waits for the answer, or for the connection to end without one: `null`. */
  async replyOrEnd(id = 1): Promise<PeerReply | null> {
    const isAnswered = () => this.#incoming.get(id)?.protocolStatus !== undefined;
    const isOver = () => isAnswered() || this.ending !== null;
    await this.until(isOver, `the end of request ${id} or of the connection`);
    return isAnswered() ? await this.reply(id) : null;
  }

  /** What has come of the STDOUT of a request so far, header block and all, as Latin-1. */
  stdout(id = 1): string {
    return String.fromCharCode(...join(...this.#incoming.get(id)?.stdout ?? []));
  }

  /** Waits for the other end to close its sending side. */
  closing(): Promise<"end" | "reset"> {
    return this.until(() => this.ending ?? (this.#isClosed ? "reset" : undefined), "the close");
  }

  /** Waits until `condition` answers, asking whenever something has come. */
  async until<T>(condition: () => T | undefined | null | false, what: string): Promise<T> {
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, PATIENCE);
    const deadline = performance.now() + PATIENCE - 1;
    try {
      for (;;) {
        const answer = condition();
        if (answer) return answer;
        if (this.#isClosed) throw new Error(`Connection closed before ${what}`);
        if (performance.now() > deadline) throw new Error(`Waited ${PATIENCE} ms for ${what}`);
        const change = Promise.withResolvers<void>();
        this.#waiting.push(change.resolve);
        await Promise.race([change.promise, late.promise]);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** Closes both sides and waits for that. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    const closed = new Promise<void>((resolve) => this.#socket.once("close", () => resolve()));
    this.#socket.destroy();
    await closed;
  }

  #receive(chunk: Uint8Array): void {
    this.received += chunk.length;
    try {
      if (!this.#isBroken) this.#readRecords(chunk);
    } catch {
      this.#isBroken = true;
    }
    this.#happened(() => {});
  }

  #readRecords(chunk: Uint8Array): void {
    this.#decoder.push(chunk);
    for (let record = this.#decoder.next(); record; record = this.#decoder.next()) {
      const { type, requestId, content } = record;
      let incoming = this.#incoming.get(requestId);
      if (incoming === undefined) {
        incoming = { stdout: [], stderr: [], protocolStatus: undefined };
        this.#incoming.set(requestId, incoming);
      }
      if (type === RecordType.STDOUT) {
        if (this.onStdout !== undefined) this.onStdout(content);
        else incoming.stdout.push(content.slice());
      } else if (type === RecordType.STDERR) incoming.stderr.push(content.slice());
      else if (type === RecordType.END_REQUEST) {
        incoming.protocolStatus = decodeEndRequest(content).protocolStatus;
      }
    }
  }

  #happened(change: () => void): void {
    change();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

function readHeaderBlock(bytes: Uint8Array): { status: number; headers: Headers; start: number } {
  const text = String.fromCharCode(...bytes.subarray(0, 16 * 1024));
  const end = text.indexOf("\r\n\r\n");
  const headers = new Headers();
  if (end < 0) return { status: 0, headers, start: 0 };
  for (const line of text.slice(0, end).split("\r\n")) {
    const colon = line.indexOf(":");
    headers.append(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  return { status: parseInt(headers.get("status") ?? "0"), headers, start: end + 4 };
}
