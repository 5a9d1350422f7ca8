/**
 * Parameters as real web servers sent them: one line per request in
 * `tests/fixtures/<server>.jsonl`, pairs in wire order, text in Latin-1 (one code unit per byte).
 */
import { readFileSync } from "node:fs";
import { CgiParams } from "../../src/cgi/params.ts";

/**
 * Who sent them: nginx 1.22.1, lighttpd 1.4.69, Apache 2.4.71 with mod_proxy_fcgi (and
 * mod_authnz_fcgi), mod_fcgid 2.3.9, Caddy 2.6.2, HAProxy 2.6.12.
 */
export const SERVERS = ["nginx", "lighttpd", "apache", "mod_fcgid", "caddy", "haproxy"] as const;

export type Server = (typeof SERVERS)[number];

export interface Capture {
  /** The configuration and the case: `split-get-app`. */
  readonly name: string;
  /** How the server was set up; its plain way, as its manual begins, if left out. */
  readonly config?: string;
  /** In which role it asked; as a responder, if left out. */
  readonly role?: "authorizer";
  readonly server: string;
  /** The request line, as the client sent it. */
  readonly request: string;
  readonly params: readonly (readonly [name: string, value: string])[];
  /** The body, if there was any. */
  readonly stdin?: string;
}

/** What the client sent, by a name that is the same for every server. */
export function caseOf({ name, config }: Capture): string {
  return config === undefined ? name : name.slice(config.length + 1);
}

/** What `server` sent, by the name of the case. */
export function capturesOf(server: Server): Map<string, Capture> {
  const url = new URL(`../fixtures/${server}.jsonl`, import.meta.url);
  const lines = readFileSync(url, "utf8").trimEnd().split("\n");
  const captures = lines.map((line): Capture => JSON.parse(line));
  return new Map(captures.map((capture) => [capture.name, capture]));
}

/** The parameters of one case, made anew. */
export function captured(server: Server, name: string): CgiParams {
  const capture = capturesOf(server).get(name);
  if (capture === undefined) throw new RangeError(`No such capture: ${server} ${name}`);
  return paramsOf(capture.params);
}

/** Parameters out of pairs, or out of an object if none comes twice. */
export function paramsOf(
  pairs: Iterable<readonly [name: string, value: string]> | Record<string, string>,
): CgiParams {
  const params = new CgiParams();
  const entries = Symbol.iterator in pairs ? pairs : Object.entries(pairs);
  for (const [name, value] of entries) params.append(name, value);
  return params;
}
