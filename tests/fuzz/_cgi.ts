/**
 * For any parameters `createRequest` gives a `Request` or a clean refusal and never throws, and the
 * URL has the host that the parameters name; for any `Response` the header block is lines of
 * printable Latin-1 with its only empty line at the end, and at most one Content-Length.
 *
 * @module
 */
import { CgiParams } from "../../src/cgi/params.ts";
import { splitPath } from "../../src/cgi/split_path.ts";
import { remoteAddress } from "../../src/cgi/remote_addr.ts";
import { createRequest } from "../../src/cgi/request.ts";
import { responseHead } from "../../src/cgi/response_head.ts";
import { readParams } from "../../src/server/exchange/read_params.ts";
import type { Random } from "../_bytes.ts";
import { assertEquals, fail } from "../_assert.ts";
import { rawPairs } from "../_records.ts";
import { capturesOf, SERVERS } from "../cgi/_captures.ts";
import { randomPairs } from "../cgi/_random_params.ts";
import type { Target } from "./_fuzz.ts";

/** A parameter, a header of a response, or what else there is to the response. */
type CgiStep =
  | { param: readonly [name: string, value: string] }
  | { basePath: string }
  | { header: readonly [name: string, value: string] }
  | { status: number; statusText: string; method: string; length?: number; authorizer: boolean };

const CAPTURES = SERVERS.flatMap((server) =>
  Array.from(capturesOf(server).values(), ({ params }) => params)
);

const HEADERS = [
  "content-type",
  "content-length",
  "set-cookie",
  "connection",
  "location",
  "status",
  "transfer-encoding",
  "variable-user",
];

/** Parameters in, header block out. */
export const cgiTarget: Target<CgiStep> = {
  name: "cgi",
  invariant:
    "For any parameters createRequest gives a Request or a clean refusal and never throws, and the URL has the host that " +
    "the parameters name; for any Response the header block is lines of printable Latin-1 with its only empty line at " +
    "the end, and at most one Content-Length",
  generate(random) {
    if (random.below(3) === 0) return randomResponse(random);
    const steps: CgiStep[] = random.below(3) > 0
      ? randomPairs(random).map((param) => ({ param }))
      : damagedCapture(random).map((param) => ({ param }));
    if (random.below(2) === 0) {
      steps.push({ basePath: random.pick(["", "/", "/a", "b/", "/../x"]) });
    }
    return steps;
  },
  run(steps) {
    const response = steps.find((step) => "status" in step);
    if (response !== undefined) return checkHead(steps, response);
    const pairs = steps.filter((step) => "param" in step).map(({ param }) => param);
    checkRequest(pairs, steps.find((step) => "basePath" in step)?.basePath);
  },
};

/** What a real web server sent, with a few code units changed. */
function damagedCapture(random: Random): [string, string][] {
  const pairs = random.pick(CAPTURES).map(([name, value]): [string, string] => [name, value]);
  for (let n = random.below(4); n > 0; n--) {
    const pair = random.pick(pairs);
    const part = random.below(3) === 0 ? 0 : 1;
    const at = random.below(pair[part].length + 1);
    const length = random.below(3);
    pair[part] = pair[part].slice(0, at) + random.text(3, "/:@?#%.\r\n\0") +
      pair[part].slice(at + length);
  }
  return pairs;
}

function randomResponse(random: Random): CgiStep[] {
  const steps: CgiStep[] = [{
    status: random.pick([200, 200, 204, 205, 304, 299, 404, 500, 599]),
    statusText: random.text(6, "a \r\n\u010a"),
    method: random.pick(["GET", "HEAD", "POST"]),
    length: random.pick([undefined, 0, 13]),
    authorizer: random.below(4) === 0,
  }];
  for (let n = random.below(6); n > 0; n--) {
    const name = random.below(3) === 0 ? random.text(4, "ab-:\r\n ") : random.pick(HEADERS);
    steps.push({ header: [name, random.text(10, "ab \r\n\0:,€\u010a5")] });
  }
  return steps;
}

function checkRequest(
  pairs: readonly (readonly [string, string])[],
  basePath: string | undefined,
): void {
  // As they come: bytes.
  const params = readParams(rawPairs(pairs), 1000);
  if (!(params instanceof CgiParams)) return fail(`Refused: ${params.reason}`);
  const { scriptName, pathInfo } = splitPath(params, basePath);
  const path = scriptName + pathInfo;
  if (/(^|\/)\.\.?(\/|$)/.test(path)) fail(`Dot segment in ${JSON.stringify(path)}`);
  const { port } = remoteAddress(params);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) fail(`Port ${port}`);
  const request = createRequest(params, new Uint8Array(3));
  if (!(request instanceof Request)) {
    if (![400, 501].includes(request.status)) fail(`Status ${request.status}`);
    if (!/^[ -~]+$/.test(request.reason)) fail(`Reason ${JSON.stringify(request.reason)}`);
    return;
  }
  const url = new URL(request.url);
  assertEquals([url.username, url.password, url.hash], ["", "", ""]);
  if (!["http:", "https:"].includes(url.protocol)) fail(`URL ${url}`);
  const absolute = /^https?:\/\/([^/?#]*)/i.exec(params.get("REQUEST_URI") ?? "");
  const host = absolute?.[1] || params.get("HTTP_HOST");
  if (host) assertEquals(url.host, new URL(`${url.protocol}//${host}`).host);
  for (const [name, value] of request.headers) {
    if (/^(connection|te|transfer-encoding|upgrade|proxy)$/.test(name)) fail(`Header ${name}`);
    if (/[\0\r\n\u0100-\uffff]/.test(value)) fail(`Header ${name}: ${JSON.stringify(value)}`);
  }
}

function checkHead(
  steps: readonly CgiStep[],
  { status, statusText, method, length, authorizer }: Extract<CgiStep, { status: number }>,
): void {
  const headers = steps.filter((step) => "header" in step).map(({ header }) => header);
  // As another implementation of fetch would hand it over: nothing has been checked.
  const unchecked = {
    status,
    statusText,
    headers: {
      forEach: (visit: (value: string, name: string) => void) =>
        headers.forEach(([name, value]) => visit(value, name)),
    },
  } as unknown as Response;
  checkBlock(
    responseHead(unchecked, { method, contentLength: length, authorizer }),
    status,
    authorizer,
  );
  const checked = new Headers();
  for (const [name, value] of headers) {
    try {
      checked.append(name, value);
    } catch {
      // This one cannot be in a response of this runtime.
    }
  }
  const response = new Response(null, { status, headers: checked });
  checkBlock(
    responseHead(response, { method, contentLength: length, authorizer }),
    status,
    authorizer,
  );
}

/** `Status` is the last line, but the first of an authorizer's refusal. */
function checkBlock(
  head: ReturnType<typeof responseHead>,
  status: number,
  authorizer: boolean,
): void {
  if (typeof head !== "string") return fail(`Status ${status} was refused`);
  const lines = authorizer && status !== 200
    ? /^Status: \d{3} [ -~\x80-\xff]+\r\n(?:[\w!#$%&'*+.^`|~-]+: [\t -~\x80-\xff]*\r\n)*\r\n$/
    : /^(?:[\w!#$%&'*+.^`|~-]+: [\t -~\x80-\xff]*\r\n)*Status: \d{3} [ -~\x80-\xff]+\r\n\r\n$/;
  if (!lines.test(head)) fail(`Header block ${JSON.stringify(head)}`);
  if (!head.includes(`Status: ${status} `)) fail(`Not ${status}: ${JSON.stringify(head)}`);
  if ((head.match(/^content-length:/gim) ?? []).length > 1) fail("Two lengths");
}
