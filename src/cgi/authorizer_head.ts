/**
 * The header block of an authorizer's response, where it differs from a responder's (FastCGI 1.0,
 * section 6.3). A grant, which is 200, passes variables to the handler of the request that the web
 * server runs next; anything else is a refusal and goes to the client.
 */

/**
 * Representation metadata (RFC 9110, section 8). The body of a grant is dropped, and Apache would
 * send these with its own file instead: a page as text/plain.
 */
const ABOUT_BODY: ReadonlySet<string> = new Set([
  "Content-Encoding",
  "Content-Language",
  "Content-Location",
  "Content-Range",
  "Content-Type",
  "Etag",
  "Last-Modified",
]);

const VARIABLE_PREFIX = "Variable-";

/** Whether this status of an authorizer lets the request through. */
export function isGrant(status: number): boolean {
  return status === 200;
}

/**
 * The name under which a header is sent; `null` if it must not be.
 *
 * `Headers` has lower case only, CGI variables are in upper case: `Variable-Remote_user` →
 * `Variable-REMOTE_USER`. A refusal has no use for variables, and Apache would show them to the
 * client.
 *
 * @param name As in a responder's header block.
 */
export function authorizerHeaderName(name: string, status: number): string | null {
  if (name.startsWith(VARIABLE_PREFIX)) {
    const variable = name.slice(VARIABLE_PREFIX.length).toUpperCase().replaceAll("-", "_");
    return isGrant(status) ? VARIABLE_PREFIX + variable : null;
  }
  return isGrant(status) && ABOUT_BODY.has(name) ? null : name;
}
