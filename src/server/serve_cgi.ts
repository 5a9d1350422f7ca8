/**
 * One plain CGI request (RFC 3875): the environment is its parameters, standard input its body,
 * standard output its answer.
 *
 * The plan: there is one engine, and it speaks FastCGI. So the request is told to it in records, as
 * a web server would, and what it answers is taken out of its records again. Streaming,
 * back-pressure, limits and failures are then the same as everywhere, for they are the same code.
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
import { encodeLogLine } from "./exchange/log_line.ts";
import type { ConnectionOptions } from "./application/connection_options.ts";
import { Service } from "./service.ts";

const NO_BODY = { bytes: new Uint8Array(0), isComplete: true };

/** A CGI program's surroundings. */
export interface CgiProgram extends CgiStreams {
  /** The environment variables as Latin-1 strings: code unit n is byte n. */
  readonly env: Iterable<readonly [name: string, value: string]>;
}

/**
 * Whether the environment that `get` reads is that of a CGI request (RFC 3875, sections 4.1.4 and
 * 4.1.12).
 */
export function isCgiEnvironment(get: (name: string) => string | undefined): boolean {
  return get("GATEWAY_INTERFACE")?.startsWith("CGI/") === true && Boolean(get("REQUEST_METHOD"));
}

/**
 * Answers the one request of a CGI program. Every variable is a parameter, those of the system too,
 * as they are with PHP; `HTTP_PROXY` stays one, but no header of the request comes of it (httpoxy,
 * CVE-2016-5385), and `serve()` takes it out of the environment of the process.
 *
 * A response that breaks midway can only stop: whether the client notices is the web server's
 * doing, and depends on a Content-Length.
 *
 * @returns Whether the whole answer went out, once it has and what was given to `info.waitUntil`
 * has settled. Does not reject: failures go to `onError`, by default as lines to standard error.
 */
export async function serveCgi(
  program: CgiProgram,
  handler: ServeHandler,
  options: ConnectionOptions = {},
): Promise<boolean> {
  const env = new Map(program.env);
  // Without a path below it, the script is all there is (RFC 3875, section 4.1.5); servers leave
  // the variable out then.
  if (env.has("SCRIPT_NAME") && !env.has("PATH_INFO")) env.set("PATH_INFO", "");
  const transport = new CgiTransport(program, isBodyFirst(env));
  const onError = options.onError ??
    ((error: unknown) => transport.log(encodeLogLine(describeThrown(error))));
  const service = new Service(handler, { ...options, onError }, {
    // Both ways lead to standard error: one of them is enough.
    logsFailures: options.onError !== undefined,
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
 * Bytes of the body: what `CONTENT_LENGTH` says, for more may not be read and may never come (RFC
 * 3875, section 4.2). Apache leaves it out for a chunked upload, whose end is the end of standard
 * input.
 */
function bodyLengthOf(env: ReadonlyMap<string, string>): number {
  const length = contentLength(env.get("CONTENT_LENGTH"));
  if (length !== undefined) return Math.min(length, Number.MAX_SAFE_INTEGER);
  return /^chunked$/i.test(env.get("HTTP_TRANSFER_ENCODING") ?? "") ? Infinity : 0;
}

/**
 * Whether the web server is Apache, whose mod_cgi and mod_cgid write the whole body before they
 * read any answer.
 */
function isBodyFirst(env: ReadonlyMap<string, string>): boolean {
  return env.get("SERVER_SOFTWARE")?.startsWith("Apache") === true;
}
