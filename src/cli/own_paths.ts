/**
 * Paths of URLs where `fcgi serve` answers itself, and not its application: for health checks and
 * monitors that ask the web server.
 */
import type { EndedRequest } from "../server/application/observer.ts";
import { type Arguments, type OptionSpec, UsageError } from "./command.ts";
import { urlOf } from "./log/entry.ts";
import { openMetricsOf } from "./status/open_metrics.ts";
import type { StatusReport } from "./status/report.ts";
import { textOf } from "./status/text.ts";

// As loaded: `fcgi serve` runs applications, which replace the global.
const { Response, URLSearchParams } = globalThis;

type Params = EndedRequest["params"];

/** The paths, as clients send them; those that are left out are the application's. */
export interface OwnPaths {
  readonly ping?: string;
  readonly status?: string;
}

export const OWN_PATH_OPTIONS: readonly OptionSpec[] = [
  {
    name: "ping-path",
    value: "/PATH",
    help: "answer pong at this path of the site, without the application",
  },
  {
    name: "status-path",
    value: "/PATH",
    help: "answer as fcgi status does at this path: text, ?json or ?openmetrics; not for everybody",
  },
];

/** @throws {UsageError} If one of them is no path. */
export function ownPathsIn(args: Arguments): OwnPaths {
  const pathOf = (name: string) => {
    const path = args.value(name);
    if (path === undefined || /^\/[^?#\s]*$/.test(path)) return path;
    throw new UsageError(`--${name} cannot be ${path}: it is a path of URLs, such as /${name}`);
  };
  const [ping, status] = [pathOf("ping-path"), pathOf("status-path")];
  return { ...ping !== undefined && { ping }, ...status !== undefined && { status } };
}

/** Whether a request is for one of them. */
export function isOwn(params: Params, { ping, status }: OwnPaths): boolean {
  if (ping === undefined && status === undefined) return false;
  const { path } = urlOf(params);
  return path !== undefined && (path === ping || path === status);
}

/** Answers a request for one of them; `report` returns the status as JSON. */
export async function answerOwn(
  params: Params,
  { ping }: OwnPaths,
  report: () => Promise<string>,
): Promise<Response> {
  const { path, query } = urlOf(params);
  if (path === ping) return respond("pong\n", "text/plain");
  const json = await report();
  const wanted = new URLSearchParams(query);
  if (wanted.has("json")) return respond(json, "application/json");
  const status = JSON.parse(json) as StatusReport;
  return wanted.has("openmetrics")
    ? respond(openMetricsOf(status), "application/openmetrics-text; version=1.0.0; charset=utf-8")
    : respond(textOf(status), "text/plain; charset=utf-8");
}

function respond(body: string, type: string): Response {
  return new Response(body, { headers: { "content-type": type, "cache-control": "no-store" } });
}
