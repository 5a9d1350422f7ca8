/**
 * Fills the headers of a `Request` from lines that need no more than a look.
 *
 * On Deno they go straight into the list behind `Headers`, without the checks that `append` makes
 * of each again: a fourteenth of a request with four headers in memory, and more with more (`deno
 * task bench --section=engine --base=29f32ca`). That list is not promised; a probe shows whether it
 * is there, and without it `append` is used, as on the other runtimes. To be deleted once `append`
 * costs as little.
 */
import type { HeaderLine } from "./request_headers.ts";

// As loaded: applications replace the global.
const { Request } = globalThis;

/** Values that `Headers` takes as they are: not those that it would trim, or refuse. */
const PLAIN = /^(?![\t ])[^\0\n\r\u0100-\uffff]*(?<![\t ])$/;

/** Where Deno's `Request` has what it is made of. */
const INNER = innerOfDeno();

/**
 * Fills in the headers of a request. Values are Latin-1, so byte for byte as the client sent them.
 * NUL, CR and LF, which nginx and HAProxy do not let through but a decoded SetEnv may hold, make
 * `Headers` throw: such a header is left out.
 *
 * @param headers The headers of `request`, still empty.
 */
export function fillHeaders(
  request: object,
  headers: () => Headers,
  lines: readonly HeaderLine[],
): void {
  const list = INNER === undefined ? undefined : listOf(request, INNER);
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]!;
    if (list !== undefined && PLAIN.test(line[1])) list.push(line);
    else append(headers(), line);
  }
}

function append(headers: Headers, [name, value]: HeaderLine): void {
  try {
    headers.append(name, value);
  } catch {
    // Left out.
  }
}

function listOf(request: object, inner: symbol): HeaderLine[] {
  const { headerList } = (request as Record<symbol, { headerList: HeaderLine[] }>)[inner]!;
  return headerList;
}

function innerOfDeno(): symbol | undefined {
  const request = new Request("http://localhost/");
  const inner = Object.getOwnPropertySymbols(request)
    .find(({ description }) => description === "request");
  if (inner === undefined) return undefined;
  try {
    const list = listOf(request, inner);
    list.push(["probe", "a"], ["probe", "b"]);
    const isRight = Array.isArray(list) && list.length === 2 &&
      [request, request.clone(), new Request(request)]
        .every(({ headers }) => headers.get("probe") === "a, b");
    return isRight ? inner : undefined;
  } catch {
    return undefined;
  }
}
