/**
 * Admission control: decides whether a request that begins exceeds a limit, and how it is refused
 * then.
 *
 * FastCGI 1.0 has END_REQUEST statuses for that, but an END_REQUEST alone never becomes a proper
 * response: Apache turns it into an empty 200, the others into a 502. So the client gets a real
 * 503, behind any web server. CANT_MPX_CONN after it is for a web server that multiplexes although
 * it must not (section 5.5): HAProxy stops multiplexing then, on this connection. The other status,
 * OVERLOADED, is never sent: no web server makes use of it, and HAProxy closes the connection
 * because of it, with every request on it.
 */
import type { Rejection } from "../../cgi/rejection.ts";
import type { EndRequestBody } from "../../protocol/bodies.ts";
import { ProtocolStatus } from "../../protocol/constants.ts";
import type { Application } from "../application/application.ts";

/** The refusal of a request: the response, and the END_REQUEST body if it is not the usual one. */
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

/** The load of the connection on which a request begins, including that request. */
export interface Occupancy {
  /** Whether the connection itself exceeds `maxConnections`. */
  readonly isRefused: boolean;
  /** Requests in flight on it. */
  readonly inFlight: number;
  /** Ended requests on it whose handlers still run. */
  readonly leftBehind: number;
}

/** Admits a request that has just begun, or returns its refusal. */
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
