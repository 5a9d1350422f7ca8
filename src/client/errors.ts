/** The errors of the client, each with its code; the messages say what happened. */
import { FastCgiError, type FastCgiErrorCode, ProtocolStatus } from "../protocol/mod.ts";

/** The application is at fault, and its connection is lost. */
function peerError(code: FastCgiErrorCode, message: string, cause?: unknown): FastCgiError {
  return new FastCgiError(code, message, { fault: "peer", connectionSurvives: false, cause });
}

/** A connection that was lost while it was still needed. */
export function connectionLost(cause?: unknown): FastCgiError {
  const message = "Lost the connection to the application before its reply was complete";
  return peerError("connection_lost", message, cause);
}

/** A reply that is no CGI response; `what` completes the sentence. */
export function badReply(what: string, cause?: unknown): FastCgiError {
  return peerError("bad_reply", `Cannot read the application's reply: ${what}`, cause);
}

/** A reply that ends before its header block does. */
export function headMissing(appStatus: number): FastCgiError {
  return badReply(`it ended before its header block did${exitOf(appStatus)}`);
}

/** A reply that ends before its body does, by so many bytes. */
export function bodyTooShort(missing: number, appStatus: number): FastCgiError {
  return badReply(
    `its body is ${missing} bytes shorter than its Content-Length${exitOf(appStatus)}`,
  );
}

/** The exit status of an application, where it may say why. */
function exitOf(appStatus: number): string {
  return appStatus === 0 ? "" : `; the application ended with status ${appStatus}`;
}

/** A reply that its application has broken off. */
export function brokenOff(cause?: unknown): FastCgiError {
  return badReply("the application has broken it off", cause);
}

/**
 * Whether an error is that of the record of zeros with which a server of this module breaks off a
 * reply that would look complete.
 */
export function isBreakMark(error: unknown): boolean {
  return error instanceof FastCgiError && error.code === "bad_version" &&
    error.cause instanceof Uint8Array && error.cause.every((byte) => byte === 0);
}

/** Whether a connection was lost because the application had closed it before the first write. */
export function isBrokenPipe(error: unknown): boolean {
  return error instanceof FastCgiError && error.code === "connection_lost" &&
    (error.cause as { code?: unknown } | undefined)?.code === "EPIPE";
}

/** A request that ended with a protocol status other than REQUEST_COMPLETE. */
export function requestRefused(protocolStatus: number): FastCgiError {
  const name = Object.entries(ProtocolStatus).find(([, value]) => value === protocolStatus)?.[0];
  const status = name ?? `protocolStatus ${protocolStatus}`;
  return peerError("request_refused", `Application refused the request: FCGI_${status}`);
}

/** An application that has ended a complete reply, and says that something went wrong. */
export function exitStatus(appStatus: number): FastCgiError {
  const message = `Application ended its reply, which is complete, with exit status ${appStatus}`;
  return new FastCgiError("exit_status", message, { fault: "peer", connectionSurvives: true });
}

/** An application that takes too long to begin its reply; times are in milliseconds. */
export function noReply(responseTimeout: number): FastCgiError {
  return peerError(
    "timed_out",
    `The application has not begun its reply within ${responseTimeout} ms (responseTimeout)`,
  );
}

/** An application that takes too long to accept a connection. */
export function connectTimedOut(connectTimeout: number): FastCgiError {
  return peerError(
    "timed_out",
    `Cannot connect to the application within ${connectTimeout} ms (connectTimeout); its queue is ` +
      "full, or its host does not answer",
  );
}

/** A request that gets no connection. */
export function overloaded(why: string): FastCgiError {
  const message = `No connection to the application for this request: ${why}`;
  return new FastCgiError("overloaded", message, { fault: "peer", connectionSurvives: true });
}

/** A body that is too large to be sent. */
export function bodyTooLarge(why: string, cause?: unknown): FastCgiError {
  return new FastCgiError("body_too_large", `Cannot send the request's body: ${why}`, {
    fault: "application",
    connectionSurvives: true,
    cause,
  });
}

/** A client that was closed. */
export function closedError(): TypeError {
  return new TypeError("Cannot use the FastCGI client: it is closed");
}
