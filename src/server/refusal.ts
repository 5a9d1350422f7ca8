/**
 * Requests that are one too many. FastCGI 1.0 has an END_REQUEST for that, but a bare one never becomes an honest answer:
 * Apache makes an empty 200 of it, the others a 502. So the client gets a real 503, for any web server, and END_REQUEST
 * behind it speaks to one that multiplexes although it must not (section 5.5): HAProxy leaves it from then on, on this
 * connection. The other status, FCGI_OVERLOADED, is never said: HAProxy drops the connection for it, and every request.
 */
import type { Rejection } from "../cgi/rejection.ts";
import type { EndRequestBody } from "../protocol/bodies.ts";
import { ProtocolStatus } from "../protocol/constants.ts";
import type { Exchange } from "./exchange.ts";

const CANT_MPX_CONN: EndRequestBody = {
  appStatus: 0,
  protocolStatus: ProtocolStatus.CANT_MPX_CONN,
};

const TOO_MANY_REQUESTS: Rejection = {
  status: 503,
  reason: "Too many requests on one connection",
};
const TOO_MANY_CONNECTIONS: Rejection = { status: 503, reason: "Too many connections" };

/** What a request that has just begun is answered at once, if anything; `inFlight` are all requests of its connection. */
export function refusalOf(exchange: Exchange, inFlight: number): Rejection | undefined {
  const { connection } = exchange;
  if (connection.isRefused) return TOO_MANY_CONNECTIONS;
  const { maxRequestsPerConnection } = connection.service.options;
  if (inFlight <= maxRequestsPerConnection) return undefined;
  if (maxRequestsPerConnection === 1) exchange.endRequest = CANT_MPX_CONN;
  return TOO_MANY_REQUESTS;
}
