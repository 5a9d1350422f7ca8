/**
 * Admission: whether a request that begins is one too many, and what it is answered then.
 *
 * FastCGI 1.0 has an END_REQUEST for that, but a bare one never becomes an honest answer: Apache
 * makes an empty 200 of it, the others a 502. So the client gets a real 503, for any web server.
 * CANT_MPX_CONN behind it speaks to one that multiplexes although it must not (section 5.5):
 * HAProxy leaves it from then on, on this connection. The other status, OVERLOADED, is never said:
 * no web server makes use of it, and HAProxy drops the connection for it, and every request on it.
 */
import type { Rejection } from "../../cgi/rejection.ts";
import type { EndRequestBody } from "../../protocol/bodies.ts";
import { ProtocolStatus } from "../../protocol/constants.ts";
import type { Application } from "../application/application.ts";

/**
 * Why a request is not admitted, and what END_REQUEST says of it, if that is anything of its own.
 */
export interface Refusal {
  readonly rejection: Rejection;
  readonly endRequest?: EndRequestBody;
}

const TOO_MANY_CONNECTIONS: Refusal = {
  rejection: { status: 503, reason: "Too many connections" },
};
const TOO_MANY_REQUESTS: Refusal = {
  rejection: { status: 503, reason: "Too many requests on one connection" },
};
const NO_MULTIPLEXING: Refusal = {
  ...TOO_MANY_REQUESTS,
  endRequest: { appStatus: 0, protocolStatus: ProtocolStatus.CANT_MPX_CONN },
};
const TOO_MANY_IN_ALL: Refusal = { rejection: { status: 503, reason: "Too many requests" } };

/** The connection on which a request begins, with that one. */
export interface Occupancy {
  /** Whether the connection itself is one too many. */
  readonly isRefused: boolean;
  /** Requests in flight on it. */
  readonly inFlight: number;
  /** Requests that have ended on it while their handlers run on. */
  readonly leftBehind: number;
}

/** Admits a request that has just begun, or says what it is answered at once. */
export function admit(
  { options: { maxRequestsPerConnection }, requestsInFlight, maxRequests }: Application,
  { isRefused, inFlight, leftBehind }: Occupancy,
): Refusal | undefined {
  if (isRefused) return TOO_MANY_CONNECTIONS;
  if (inFlight + leftBehind > maxRequestsPerConnection) {
    return maxRequestsPerConnection === 1 && inFlight > 1 ? NO_MULTIPLEXING : TOO_MANY_REQUESTS;
  }
  return requestsInFlight > maxRequests ? TOO_MANY_IN_ALL : undefined;
}
