/** A gateway before a FastCGI application of this module, and raw HTTP to talk to it. */
import { connect as connectSocket } from "node:net";
import { serve, type ServeHandler } from "../../mod.ts";
import {
  type ConnectAddress,
  type Gateway,
  serveGateway,
  type ServeGatewayOptions,
} from "../../src/client/mod.ts";
import { assert } from "../_assert.ts";
import { bytes, latin1 } from "../_bytes.ts";

/** A gateway, and what is behind it. */
export interface Room extends AsyncDisposable {
  /** Of the gateway, without a slash at its end. */
  readonly url: string;
  readonly gateway: Gateway;
  /** Of the application. */
  readonly address: ConnectAddress;
  /** What `onError` was told. */
  readonly errors: unknown[];
}

/** Starts an application, and a gateway in front of it. */
export async function setUp(
  handler: ServeHandler,
  options: Partial<ServeGatewayOptions> = {},
): Promise<Room> {
  const application = serve({ port: 0, onListen() {}, onError() {} }, handler);
  const address = await application.ready;
  assert(address.transport === "tcp");
  const errors: unknown[] = [];
  const gateway = await serveGateway({
    port: 0,
    to: address,
    onStderr() {},
    onError: (error) => errors.push(error),
    ...options,
  });
  return {
    url: gateway.url.slice(0, -1),
    gateway,
    address,
    errors,
    async [Symbol.asyncDispose]() {
      gateway.close();
      await application.shutdown();
    },
  };
}

/** Answers with the parameters that it gets, as JSON; code unit n is byte n. */
export const echo: ServeHandler = (_, info) => Response.json(Object.fromEntries(info.params));

/** A raw HTTP connection. */
export interface RawHttp {
  /** Everything that has come, as Latin-1 text. */
  readonly text: string;
  /** Whether the other end has closed. */
  readonly isClosed: boolean;
  send(text: string): void;
  /** Waits for so much as makes it true. */
  until(condition: (text: string) => boolean): Promise<string>;
  /** Reads no more. */
  pause(): void;
  /** Reads on. */
  resume(): void;
  /** Goes away, without a word. */
  leave(): void;
}

/** Opens a raw connection to a gateway. */
export async function rawHttp(url: string): Promise<RawHttp> {
  const { hostname, port } = new URL(url);
  const socket = connectSocket({ host: hostname, port: Number(port) });
  const raw = { text: "", isClosed: false };
  const waiting = new Set<() => void>();
  const tell = () => waiting.forEach((look) => look());
  socket.on("data", (chunk: Uint8Array) => {
    raw.text += latin1(chunk);
    tell();
  });
  socket.on("error", () => {});
  socket.on("close", () => {
    raw.isClosed = true;
    tell();
  });
  await new Promise<void>((resolve) => socket.once("connect", () => resolve()));
  return Object.assign(raw, {
    send: (text: string) => void socket.write(bytes(text)),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    leave: () => void socket.destroy(),
    until: (condition: (text: string) => boolean) =>
      new Promise<string>((resolve, reject) => {
        const look = () => {
          if (condition(raw.text)) resolve(raw.text);
          else if (raw.isClosed) reject(new Error(`Closed: ${raw.text}`));
          else return;
          waiting.delete(look);
        };
        waiting.add(look);
        look();
      }),
  });
}

/** Sends one raw request, and returns everything until the connection is closed. */
export async function ask(url: string, text: string): Promise<string> {
  const raw = await rawHttp(url);
  raw.send(text);
  while (!raw.isClosed) await new Promise((resolve) => setTimeout(resolve, 2));
  return raw.text;
}

/** `params` of a gateway that tell when its first request has come, and when that was aborted. */
export function watched(): {
  params: (request: Request) => undefined;
  begun: Promise<void>;
  aborted: Promise<void>;
} {
  const begun = Promise.withResolvers<void>();
  const aborted = Promise.withResolvers<void>();
  let isFirst = true;
  return {
    params({ signal }) {
      if (isFirst) signal.addEventListener("abort", () => aborted.resolve());
      isFirst = false;
      begun.resolve();
    },
    begun: begun.promise,
    aborted: aborted.promise,
  };
}

/** The status of a raw response. */
export function statusOf(response: string): number {
  return Number(/^HTTP\/1\.[01] (\d{3})/.exec(response)?.[1]);
}

/** A header of a raw response. */
export function headerOf(response: string, name: string): string | undefined {
  const [head] = response.split("\r\n\r\n");
  return new RegExp(`^${name}: *(.*)$`, "im").exec(head.replaceAll("\r", ""))?.[1];
}
