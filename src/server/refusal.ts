/**
 * Requests that are one too many. FastCGI 1.0 has an END_REQUEST for that, but a bare one never becomes an honest answer:
 * Apache makes an empty 200 of it, the others a 502. So the client gets a real 503, for any web server, and END_REQUEST
 * behind it speaks to one that multiplexes although it must not (section 5.5): HAProxy leaves it from then on, on this
 * connection. The other status, FCGI_OVERLOADED, is said by option only: behind a real 503 no web server minds it but
 * HAProxy, which drops the connection for it, and every request on it; and none makes use of it.
 */
import type { Rejection } from "../cgi/rejection.ts";
import type { EndRequestBody } from "../protocol/bodies.ts";
import { ProtocolStatus } from "../protocol/constants.ts";
import type { Exchange } from "./exchange.ts";

const CANT_MPX_CONN: EndRequestBody = {
  appStatus: 0,
  protocolStatus: ProtocolStatus.CANT_MPX_CONN,
};

const OVERLOADED: EndRequestBody = { appStatus: 0, protocolStatus: ProtocolStatus.OVERLOADED };

const TOO_MANY_REQUESTS: Rejection = {
  status: 503,
  reason: "Too many requests on one connection",
};
const TOO_MANY_IN_ALL: Rejection = { status: 503, reason: "Too many requests" };
const TOO_MANY_CONNECTIONS: Rejection = { status: 503, reason: "Too many connections" };

/** The answer to more parameters than `maxParamsBytes`. */
export const PARAMS_TOO_LARGE: Rejection = {
  status: 431,
  reason: "Request header fields are too large",
};

/** The answer to a body that is gathered before its parameters have ended. */
export const BODY_TOO_EARLY: Rejection = {
  status: 400,
  reason: "The body came before the parameters",
};

/** What a request with too large a body is answered; its handler hears the reason, too. */
export function bodyTooLarge(maxBodyBytes: number): Rejection {
  return { status: 413, reason: `The request body is larger than ${maxBodyBytes} bytes` };
}

/**
 * What a request that has just begun is answered at once, if anything; `inFlight` are all requests
 * of its connection, `leftBehind` those that have ended there and whose handlers still run.
 */
export function refusalOf(
  exchange: Exchange,
  inFlight: number,
  leftBehind: number,
): Rejection | undefined {
  const { connection } = exchange;
  const { service } = connection;
  const { maxRequestsPerConnection, sendOverloaded } = service.options;
  const refusal = connection.isRefused
    ? TOO_MANY_CONNECTIONS
    : inFlight + leftBehind > maxRequestsPerConnection
    ? TOO_MANY_REQUESTS
    : service.requestsInFlight > service.maxRequests
    ? TOO_MANY_IN_ALL
    : undefined;
  if (refusal === TOO_MANY_REQUESTS && maxRequestsPerConnection === 1 && inFlight > 1) {
    exchange.endRequest = CANT_MPX_CONN;
  } else if (refusal !== undefined && sendOverloaded) exchange.endRequest = OVERLOADED;
  return refusal;
}
