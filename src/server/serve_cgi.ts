/**
 * Serves one plain CGI request (RFC 3875): the environment has its parameters, standard input its
 * body, standard output takes the response.
 *
 * The plan: there is one engine, and it speaks FastCGI. So the request is encoded in records, as by
 * a web server, and the response is decoded from the engine's records again. Streaming,
 * back-pressure, limits and failures are then the same as over FastCGI, since they are the same
 * code.
 *
 * ```text
 * environment ──► BEGIN_REQUEST, PARAMS ──┐              ┌──► STDOUT ──► standard output
 *                                         ├─► Connection ┤
 * standard input ────────────────► STDIN ─┘              └──► STDERR ──► standard error
 * ```
 */
import { contentLength } from "../cgi/content_length.ts";
import { describeThrown } from "../log/describe.ts";
import { Role } from "../protocol/constants.ts";
import { encodeRequestStart } from "../protocol/request_start.ts";
import { type CgiStreams, CgiTransport, REQUEST_ID } from "./cgi_transport.ts";
import type { ServeHandler } from "./application/handler.ts";
import type { RequestObserver } from "./application/observer.ts";
import { encodeLogLine } from "./exchange/log_line.ts";
import type { ConnectionOptions } from "./application/connection_options.ts";
import { Service } from "./service.ts";

// As loaded: applications replace the global.
const { Map } = globalThis;

const NO_BODY = { bytes: new Uint8Array(0), isComplete: true };

/** The environment and the standard streams of a CGI program. */
export interface CgiProgram extends CgiStreams {
  /** The environment variables as Latin-1 strings: code unit n is byte n. */
  readonly env: Iterable<readonly [name: string, value: string]>;
}

/**
 * Whether the environment, read with `get`, is that of a CGI request (RFC 3875, sections 4.1.4 and
 * 4.1.12).
 */
export function isCgiEnvironment(get: (name: string) => string | undefined): boolean {
  return get("GATEWAY_INTERFACE")?.startsWith("CGI/") === true && Boolean(get("REQUEST_METHOD"));
}

/**
 * Answers the one request of a CGI program. Every variable becomes a parameter, those of the system
 * too, as in PHP; `HTTP_PROXY` stays one, but does not become a header of the request (httpoxy,
 * CVE-2016-5385), and `serve()` deletes it from the environment of the process.
 *
 * A response that breaks off can only stop: whether the client notices depends on the web server,
 * and on a Content-Length.
 *
 * @returns Whether the complete response was sent, once the promises of `info.waitUntil` have
 * settled, too. Does not reject: failures go to `onError`, by default as lines to standard error.
 */
export async function serveCgi(
  program: CgiProgram,
  handler: ServeHandler,
  options: ConnectionOptions = {},
  observer?: RequestObserver,
): Promise<boolean> {
  const env = new Map(program.env);
  // Without a path below the script, `PATH_INFO` is empty (RFC 3875, section 4.1.5); servers omit
  // the variable then.
  if (env.has("SCRIPT_NAME") && !env.has("PATH_INFO")) env.set("PATH_INFO", "");
  const transport = new CgiTransport(program, isBodyFirst(env));
  const onError = options.onError ??
    ((error: unknown) => transport.log(encodeLogLine(describeThrown(error))));
  const service = new Service(handler, { ...options, onError }, {
    // Otherwise both reports would go to standard error.
    logsFailures: options.onError !== undefined,
    observer,
  });
  const bodyLength = bodyLengthOf(env);
  const isComplete = await transport.run(
    service.accept(transport),
    encodeRequestStart({
      requestId: REQUEST_ID,
      role: Role.RESPONDER,
      keepConnection: false,
      params: env,
      stdin: bodyLength === 0 ? NO_BODY : undefined,
    }),
    bodyLength,
  );
  await service.drain();
  await transport.flush();
  return isComplete;
}

/**
 * The length of the body in bytes: that of `CONTENT_LENGTH`, since more may not be read and may
 * never come (RFC 3875, section 4.2). Apache omits it for a chunked upload, which ends with
 * standard input.
 */
function bodyLengthOf(env: ReadonlyMap<string, string>): number {
  const length = contentLength(env.get("CONTENT_LENGTH"));
  if (length !== undefined) return Math.min(length, Number.MAX_SAFE_INTEGER);
  return /^chunked$/i.test(env.get("HTTP_TRANSFER_ENCODING") ?? "") ? Infinity : 0;
}

/**
 * Whether the web server is Apache, whose mod_cgi and mod_cgid write the whole body before they
 * read any output.
 */
function isBodyFirst(env: ReadonlyMap<string, string>): boolean {
  return env.get("SERVER_SOFTWARE")?.startsWith("Apache") === true;
}
