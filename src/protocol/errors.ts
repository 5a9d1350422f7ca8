/**
 * Stable names of the errors, to branch on:
 *
 * - `bad_version`: a record header does not start with version 1
 * - `bad_record`: a record's content has an impossible length for its type
 * - `bad_request_id`: BEGIN_REQUEST with the null request id
 * - `bad_name_value`: a name-value pair runs past the end of its stream
 * - `truncated`: the input ended in the middle of a record
 * - `bad_response`: the handler's response cannot be sent, or its body broke off
 * - `body_unread`: a handler read nothing of a body while other requests waited behind it
 * - `timed_out`: the parameters, the handler, a write to a web server that does not read, or a
 *   shutdown took too long; (client) connecting, or the wait for the application's reply
 * - `bad_reply`: (client) the application's reply is not a CGI response
 * - `request_refused`: (client) the application ended the request with a protocol status
 * - `exit_status`: (client) the application ended a complete reply with an exit status other than 0
 * - `body_too_large`: (client) the request's body has no known length, and is more than may be
 *   gathered; or it has one, and is more than `maxBodyBytes`
 * - `overloaded`: (client) no connection was free: too many requests wait, or this one did for too
 *   long
 * - `connection_lost`: the connection ended before the exchange did
 */
export type FastCgiErrorCode =
  | "bad_version"
  | "bad_record"
  | "bad_request_id"
  | "bad_name_value"
  | "truncated"
  | "bad_response"
  | "body_unread"
  | "timed_out"
  | "bad_reply"
  | "request_refused"
  | "exit_status"
  | "body_too_large"
  | "overloaded"
  | "connection_lost";

/** Options of {@link FastCgiError}. */
export interface FastCgiErrorOptions extends ErrorOptions {
  /** The side at fault: the other end of the connection, or the program on this one. */
  fault: "peer" | "application";
  /** Whether other requests on the same connection can go on. */
  connectionSurvives: boolean;
}

/** An error of the FastCGI exchange itself. The `code` is stable; the message is for people. */
export class FastCgiError extends Error {
  /** Stable name to branch on. */
  readonly code: FastCgiErrorCode;
  /** The side at fault. */
  readonly fault: "peer" | "application";
  /** Whether other requests on the same connection can go on. */
  readonly connectionSurvives: boolean;

  /** Creates an error with its stable code, its message and the side at fault. */
  constructor(code: FastCgiErrorCode, message: string, options: FastCgiErrorOptions) {
    super(message, options);
    this.name = "FastCgiError";
    this.code = code;
    this.fault = options.fault;
    this.connectionSurvives = options.connectionSurvives;
  }
}

/** Creates the error of a peer after whose fault the byte stream can no longer be decoded. */
export function fatalPeerError(
  code: FastCgiErrorCode,
  message: string,
  cause?: unknown,
): FastCgiError {
  return new FastCgiError(code, message, { fault: "peer", connectionSurvives: false, cause });
}

/**
 * Creates the error of the program on this end in one request; the others on the connection go on.
 */
export function applicationError(code: FastCgiErrorCode, message: string): FastCgiError {
  return new FastCgiError(code, message, { fault: "application", connectionSurvives: true });
}
