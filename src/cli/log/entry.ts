import type { EndedRequest } from "../../server/application/observer.ts";

/** Processor time, in microseconds. */
export interface ProcessorTime {
  readonly user: number;
  readonly system: number;
}

/** The process that has answered, as a log names it. */
export interface LoggingProcess {
  readonly pid: number;
  /** What is served. */
  readonly pool: string;
  parentPid(): number;
  /** Resident memory, in bytes. */
  memory(): number;
  processorTime(): ProcessorTime;
}

/** One request, as a line of a log is made of it. */
export interface LogEntry {
  readonly request: EndedRequest;
  readonly by: LoggingProcess;
  /** When it began, and when it ended: milliseconds since the epoch. */
  readonly startTime: number;
  readonly endTime: number;
  /** Milliseconds. */
  readonly duration: number;
  /** What the process has had since it began, if that was asked for. */
  readonly used: ProcessorTime | undefined;
}

/** The status of a request whose client went away before there was an answer; as nginx has it. */
const GONE = 499;

/** The status as it was sent. */
export function statusOf({ request: { head } }: LogEntry): number {
  return head === "" ? GONE : parseInt(headerIn(head, "status") ?? "", 10);
}

/** A header of a header block; the first one of that name. */
export function headerIn(head: string, name: string): string | undefined {
  const start = `${name.toLowerCase()}:`;
  const line = head.split("\r\n").find((line) => line.toLowerCase().startsWith(start));
  return line?.slice(start.length).trim();
}

/** The path and the query of the URL, as the client has sent them. */
export function urlOf(params: EndedRequest["params"]): { path?: string; query: string } {
  const uri = params.get("REQUEST_URI");
  if (uri === undefined) {
    const path = (params.get("SCRIPT_NAME") ?? "") + (params.get("PATH_INFO") ?? "");
    return { path: path || undefined, query: params.get("QUERY_STRING") ?? "" };
  }
  const at = uri.indexOf("?");
  return at < 0 ? { path: uri, query: "" } : { path: uri.slice(0, at), query: uri.slice(at + 1) };
}

/** The user that the web server knows, or that the client says it is. */
export function userOf({ request: { params } }: LogEntry): string | undefined {
  return params.get("REMOTE_USER") || basicUser(params.get("HTTP_AUTHORIZATION"));
}

function basicUser(authorization: string | undefined): string | undefined {
  const credentials = /^basic +([a-z0-9+/]+=*) *$/i.exec(authorization ?? "")?.[1];
  if (credentials === undefined) return undefined;
  try {
    return atob(credentials).split(":", 1)[0] || undefined;
  } catch {
    return undefined;
  }
}
