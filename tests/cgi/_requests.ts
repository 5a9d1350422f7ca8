/**
 * The HTTP requests behind the captures, as a handler should see them: what the client sent, in the
 * words of `Request`.
 *
 * A request is named as in the captures. What is left out is curl's: a GET of the target in the
 * request line, from `localhost`, with curl's three headers.
 */

/** A request as a handler sees it. */
export interface Seen {
  method: string;
  url: string;
  headers: Record<string, string>;
  body: string;
}

/** What is different; a header that is `null` is not there. */
export type Change = Partial<Omit<Seen, "headers">> & {
  headers?: Record<string, string | null>;
  /** It cannot be made a `Request`: what the client is answered. */
  status?: number;
};

export const CURL: Record<string, string> = {
  accept: "*/*",
  host: "localhost",
  "user-agent": "curl/7.88.1",
};

const FORM = "application/x-www-form-urlencoded";
const BASIC = { authorization: "Basic dXNlcjpwYXNz" };

/** A form of this many bytes. */
function form(body: string): Change {
  return {
    method: "POST",
    headers: { "content-type": FORM, "content-length": `${body.length}` },
    body,
  };
}

export const REQUESTS: Record<string, Change> = {
  "get-encoded": {},
  "get-root": {},
  "get-app": {},
  "get-app-slash": {},
  "get-dir": {},
  "get-static": {},
  "get-php": {},
  "get-script": {},
  "get-lower-enc": {},
  "get-pct3f": {},
  "get-pctnl": {},
  "get-pct00": {},
  "get-bad-percent": {},
  "get-empty-query": {},
  "get-query-plus": {},
  "get-query-qmark": {},
  // Dot segments are resolved as the URL standard does: only a decoded path knows %2F as a slash.
  "get-dots": { url: "http://localhost//double//x" },
  "get-app-dots": { url: "http://localhost/app//double//x/y" },
  "get-enc-dots": { url: "http://localhost/app/b%2F..%2Fc" },
  "get-above-root": { url: "http://localhost/x" },
  // What a URL cannot hold is encoded.
  "get-backslash": { url: "http://localhost/app/a%5Cb%5Cc|d%22e%3Cf%3E" },
  "get-raw-latin1-path": { url: "http://localhost/app/w%F6rld?q=%E4" },
  "get-raw-utf8-path": { url: "http://localhost/app/w%C3%B6rld?q=%C3%A4" },
  "get-fragment": { url: "http://localhost/app/x?y=1" },
  // The absolute form's host is the one asked for, the scheme that of the connection.
  "absolute-form": {
    url: "http://abs.example:8080/app/x?q=1",
    headers: { host: "abs.example:8080" },
  },
  "absolute-form-https": { url: "http://abs.example/app/x", headers: { host: "abs.example" } },

  "head": { method: "HEAD" },
  "options": { method: "OPTIONS" },
  "delete": { method: "DELETE" },
  "method-propfind": { method: "PROPFIND" },
  "method-custom": { method: "FROB" },
  // `Request` spells the methods it knows in upper case, and takes no TRACE.
  "method-lower": { method: "GET" },
  "method-trace": { status: 501 },

  "post-form": form("a=1&b=%C3%"),
  "post-cl-slow": form("first=second"),
  "post-chunked": form("field1=value1&field2=value2"),
  "post-chunked-slow": form("hello world"),
  "post-chunked-trailer": form("helloworld"),
  // Expect is for the web server, which has answered it.
  "expect-100": form("a=1&b=2345"),
  "expect-100-chunked": form("a=1&b=2345"),
  "post-empty": { method: "POST", headers: { "content-length": "0" } },
  "post-nobody": { method: "POST" },
  "put": {
    method: "PUT",
    headers: { "content-type": "text/plain", "content-length": "3" },
    body: "put",
  },
  "patch": {
    method: "PATCH",
    headers: { "content-type": "application/json", "content-length": "2" },
    body: "{}",
  },
  "cl-leading-zero": { method: "POST", headers: { "content-length": "3" }, body: "abc" },
  "cl-dup": { method: "POST", headers: { "content-length": "3" }, body: "abc" },
  "cl-and-te": { method: "POST", headers: { "content-length": "3" }, body: "abc" },
  "te-gzip-chunked": { method: "POST", headers: { "content-length": "3" }, body: "abc" },
  "content-encoding": {
    method: "POST",
    headers: {
      "content-encoding": "gzip",
      "content-language": "de",
      "content-length": "3",
      "content-type": 'text/plain; charset="utf-8"',
    },
    body: "abc",
  },
  // A GET has no body by the Fetch standard.
  "get-body": { headers: { "content-length": "5" } },

  "host-port": { url: "http://example.org:8443/app/x", headers: { host: "example.org:8443" } },
  "host-ipv6": { url: "http://[::1]:8080/app/x", headers: { host: "[::1]:8080" } },
  "host-upper": { url: "http://example.org./app/x", headers: { host: "EXAMPLE.org." } },
  "host-bad": { status: 400 },
  "host-empty": { headers: { host: null } },
  "http11-nohost": { headers: { host: null } },
  "http10-nohost": { headers: { host: null } },
  "http10-keepalive": {},
  "http09": {
    url: "http://localhost/app/x",
    headers: { host: null, accept: null, "user-agent": null },
  },

  "dup-headers": {
    headers: { accept: "*/*, text/html", cookie: "a=1; b=2", "x-dup": "one, two, three" },
  },
  // Without what was about the connection to the web server.
  "conn-hop": {
    headers: {
      forwarded: "for=9.9.9.9",
      via: "1.0 fred",
      "x-forwarded-for": "9.9.9.9",
      "x-forwarded-proto": "https",
      "x-hop": "hop",
      "accept-encoding": "gzip",
    },
  },
  "upgrade-ws": {
    headers: { "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==", "sec-websocket-version": "13" },
  },
  // Without the Proxy header, and what was to look like CONTENT_LENGTH.
  "httpoxy": {},
  "spoof-names": {
    headers: {
      "content-type": "text/x",
      "https": "on",
      "remote-addr": "6.6.6.6",
      "request-uri": "/spoof",
      "script-name": "/evil",
    },
  },
  // CGI knows no difference between `-` and `_`.
  "odd-names": {
    headers: {
      "x-under-score": "u",
      "x.dot.name": "d",
      "x-tok!#$%&'*+^`|~9": "t",
      "x-lower": "l",
    },
  },
  "clash-names": { headers: { "x-foo": "dash, under", "x.foo": "dot" } },
  "empty-header": { headers: { "x-empty": "", "x-after": "y" } },
  "empty-ua": { headers: { accept: "", cookie: "", referer: "", "user-agent": "" } },
  "latin1-header": { headers: { "x-latin1": "gr\xfc\xdfe" } },
  "utf8-header": { headers: { "x-utf8": "gr\xc3\xbc\xc3\x9fe \xe2\x82\xac" } },
  "ctl-header": { headers: { "x-ctl": "a\x01b\x7fc" } },
  "fold-header": { headers: { "x-fold": "a b c" } },
  "tab-ws-header": { headers: { "x-ws": "a\tb  c", "x-nospace": "v" } },
  "range": {
    headers: {
      range: "bytes=0-3",
      "if-none-match": '"x"',
      "if-modified-since": "Sat, 29 Oct 1994 19:43:31 GMT",
    },
  },
  "authorization": { headers: BASIC },
  "authorization.1": { headers: BASIC },
  "authorization-bearer": { headers: { authorization: "Bearer abc.def" } },
  "authn-and-authz": { headers: BASIC },
  "authn-and-authz.1": { headers: BASIC },
  "checkauthn-authorization": { headers: BASIC },
  "checkauthn-get-static": {},

  "h2": { headers: { cookie: "a=1; b=2", "x-dup": "one, two" } },
  "h2-post-nolen": {
    method: "POST",
    headers: { "content-type": "text/plain", "content-length": "13" },
    body: "hello h2 body",
  },
  "h2-post-slow": {
    method: "POST",
    headers: { "content-type": "text/plain", "content-length": "21" },
    body: "part one part two end",
  },
  "x-accel-redirect": {
    method: "POST",
    headers: { "content-type": "text/plain", "content-length": "3" },
    body: "abc",
  },
  "x-accel-redirect.1": {
    method: "POST",
    headers: { "content-type": "text/plain", "content-length": "3" },
    body: "abc",
  },
};
