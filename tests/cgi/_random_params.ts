import { CgiParams } from "../../src/cgi/params.ts";
import type { Random } from "../_bytes.ts";

const NAMES = [
  "REQUEST_METHOD",
  "REQUEST_URI",
  "REQUEST_SCHEME",
  "HTTPS",
  "SCRIPT_NAME",
  "PATH_INFO",
  "QUERY_STRING",
  "HTTP_HOST",
  "SERVER_NAME",
  "SERVER_PORT",
  "REMOTE_ADDR",
  "REMOTE_PORT",
  "CONTENT_TYPE",
  "CONTENT_LENGTH",
  "HTTP_COOKIE",
  "HTTP_CONNECTION",
  "HTTP_AUTHORIZATION",
  "HTTP_X",
  "Authorization",
  "__proto__",
];
const METHODS = ["GET", "POST", "HEAD", "PUT", "get", "PROPFIND", "TRACE", "FROB", "", "G T"];
const HOSTS = ["h", "example.org", "example.org:8443", "[::1]:80", "1.2.3.4", "h:", "a.b."];
const URIS = ["/", "//x", "/a/../b", "http://h/x", "*", "/?", "/#", "/%2e%2e/", "https://h:1"];
const TRICKY = "/:@?#\\[]%.\t\r\n\0 \"<>|^`'{}abc0159-_,;=&+!$*()~";

/**
 * Parameters as pairs: mostly something that can be served, so that what comes after the first
 * check is reached too.
 */
export function randomPairs(random: Random): [name: string, value: string][] {
  const pairs: [string, string][] = [];
  if (random.below(8) > 0) pairs.push(["REQUEST_METHOD", random.pick(METHODS)]);
  if (random.below(3) > 0) pairs.push(["HTTP_HOST", random.pick(HOSTS)]);
  if (random.below(3) > 0) pairs.push(["REQUEST_URI", random.pick(URIS) + random.text(8, TRICKY)]);
  for (let i = random.below(10); i > 0; i--) {
    const name = random.below(4) === 0 ? `HTTP_${random.text(5, "AB_-.!:")}` : random.pick(NAMES);
    pairs.push([name, random.below(5) === 0 ? random.pick(HOSTS) : random.text(12, TRICKY)]);
  }
  return pairs;
}

/** The same as parameters. */
export function randomParams(random: Random): CgiParams {
  const params = new CgiParams();
  for (const [name, value] of randomPairs(random)) params.append(name, value);
  return params;
}
