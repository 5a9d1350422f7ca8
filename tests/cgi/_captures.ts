/**
 * Parameters as real web servers sent them: one line per request in
 * `tests/fixtures/<server>.jsonl`, pairs in wire order, text in Latin-1 (one code unit per byte).
 */
import { readFileSync } from "node:fs";
import { CgiParams } from "../../src/cgi/params.ts";

/** Who sent them: nginx 1.22.1, lighttpd 1.4.69, Apache 2.4.71, mod_fcgid 2.3.9, HAProxy 2.6.12. */
export const SERVERS = ["nginx", "lighttpd", "apache", "mod_fcgid", "haproxy"] as const;

export type Server = (typeof SERVERS)[number];

export interface Capture {
  readonly name: string;
  readonly server: string;
  /** The request line, as the client sent it. */
  readonly request: string;
  readonly params: readonly (readonly [name: string, value: string])[];
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
