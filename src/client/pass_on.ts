/** Passes a request of an HTTP client on, as a web server does. */
import { HOP_BY_HOP, isToken } from "../cgi/header_name.ts";
import type { StreamClient } from "./client.ts";
import type { ClientFetchOptions } from "./options.ts";
import type { ClientParamValue } from "./request_params.ts";

// As loaded: applications replace globals.
const { ReadableStream, Response } = globalThis;

/** An end of an HTTP connection. */
interface Peer {
  readonly hostname: string;
  readonly port: number;
}

/** The parameters of the two ends of an HTTP connection. */
export function endParams(peer: Peer, own: Peer): Record<string, string> {
  return {
    REMOTE_ADDR: peer.hostname,
    REMOTE_PORT: String(peer.port),
    SERVER_ADDR: own.hostname,
    SERVER_PORT: String(own.port),
  };
}

/**
 * Passes a request on, and resolves with the application's response, as it is to be sent on by an
 * HTTP server.
 *
 * @param params Replace those made of the request.
 * @param listeners Are told how the response ends.
 * @throws What {@link StreamClient.fetch} does.
 */
export async function passOn(
  client: StreamClient,
  request: Request,
  params: Iterable<readonly [name: string, value: ClientParamValue]>,
  listeners: Pick<ClientFetchOptions, "onBreak" | "onEnd"> = {},
): Promise<Response> {
  const response = await client.fetch(request, {
    params: [...withoutConnection(request.headers), ...params],
    ...listeners,
  });
  const { status, statusText, headers, body } = response;
  // What belongs to the connection; the HTTP server sets its own.
  for (const name of [...connectionOptions(headers), ...HOP_BY_HOP]) headers.delete(name);
  // Their length is none, or 0 (RFC 9110, sections 8.6 and 15.3.6): what else is said there would
  // be waited for.
  if (status === 204) headers.delete("content-length");
  if (status === 205) headers.set("content-length", "0");
  if (body !== null || request.method !== "HEAD" || !mayHaveBody(status)) return response;
  if (headers.has("content-length")) return response;
  // For a body that is null, Deno and Bun say `content-length: 0`: that a GET would have none.
  return new Response(unread(), { status, statusText, headers });
}

/**
 * The fields that a message names as those of its connection alone, in lower case (RFC 9110,
 * section 7.6.1).
 */
function connectionOptions(headers: Headers): string[] {
  const field = headers.get("connection");
  if (field === null) return [];
  return field.split(",").map((name) => name.trim().toLowerCase()).filter(isToken);
}

/** The parameters to leave out for the sake of a request's Connection field. */
function withoutConnection(headers: Headers): [string, undefined][] {
  return connectionOptions(headers)
    // Host says where the request goes, whoever may have named it.
    .filter((name) => name !== "host")
    .map((name) => [`HTTP_${name.toUpperCase().replaceAll("-", "_")}`, undefined]);
}

/** Not a null body status of the Fetch standard. */
function mayHaveBody(status: number): boolean {
  return ![204, 205, 304].includes(status);
}

/** An empty body that does not look like one. */
function unread(): ReadableStream<Uint8Array> {
  return new ReadableStream({ pull: (controller) => controller.close() }, { highWaterMark: 0 });
}
