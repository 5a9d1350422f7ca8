/**
 * The header block of an authorizer's answer, where it is not a responder's (FastCGI 1.0, section
 * 6.3): a grant, which is 200, hands variables to whatever answers then; anything else is a refusal
 * and goes to the client.
 */

/**
 * What describes a body (RFC 9110, section 8). A grant's is seen by nobody, and Apache would say
 * these of the file it sends then: a page as text/plain.
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

/** Whether an authorizer lets the request through with this status. */
export function isGrant(status: number): boolean {
  return status === 200;
}

/**
 * The name under which a header goes out; `null` if it must not.
 *
 * `Headers` knows lower case only, CGI variables are in upper case: `Variable-Remote_user` →
 * `Variable-REMOTE_USER`. In a refusal they are for nobody, and Apache would show them to the
 * client.
 *
 * @param name As it stands in a responder's header block.
 */
export function authorizerHeaderName(name: string, status: number): string | null {
  if (name.startsWith(VARIABLE_PREFIX)) {
    const variable = name.slice(VARIABLE_PREFIX.length).toUpperCase().replaceAll("-", "_");
    return isGrant(status) ? VARIABLE_PREFIX + variable : null;
  }
  return isGrant(status) && ABOUT_BODY.has(name) ? null : name;
}
