/**
 * The same HTTP request through nginx, lighttpd, Apache (mod_proxy_fcgi), mod_fcgid and HAProxy
 * becomes the same `Request`. Where a server itself has changed the request, the difference is
 * listed.
 */
import { assert, assertEquals, describe, it } from "../_harness.ts";
import { createRequest } from "../../src/cgi/request.ts";
import { captured, capturesOf, paramsOf, type Server, SERVERS } from "./_captures.ts";

interface Expected {
  method?: string;
  url?: string;
  headers?: Record<string, string>;
}

interface Row extends Expected {
  /** The case; the request line tells what it is. */
  name: string;
  /** What a server makes of it, and with `null` a header it does not pass on. */
  but?: Partial<
    Record<Server, Omit<Expected, "headers"> & { headers?: Record<string, string | null> }>
  >;
}

const CURL = { accept: "*/*", host: "localhost", "user-agent": "curl/7.88.1" };
/** Debian's nginx takes the port off Host, and the dot at its end. */
const ABSOLUTE = "abs.example:8080";

const ROWS: Row[] = [
  {
    name: "get-encoded",
    url: "http://localhost/app/hello%20w%C3%B6rld/a%2Fb?x=1&y=%C3%A4&z",
  },
  { name: "get-root", url: "http://localhost/" },
  { name: "get-app-slash", url: "http://localhost/app/" },
  { name: "get-dots", url: "http://localhost//double//x" },
  { name: "get-enc-dots", url: "http://localhost/app/b%2F..%2Fc" },
  { name: "get-lower-enc", url: "http://localhost/app/%c3%a4%7Euser/%41~b!$&'()*+,;=:@" },
  { name: "get-backslash", url: "http://localhost/app/a%5Cb%5Cc|d%22e%3Cf%3E" },
  { name: "get-raw-latin1-path", url: "http://localhost/app/w%F6rld?q=%E4" },
  { name: "get-fragment", url: "http://localhost/app/x?y=1" },
  { name: "get-empty-query", url: "http://localhost/app/x?" },
  {
    name: "absolute-form",
    url: `http://${ABSOLUTE}/app/x?q=1`,
    headers: { host: ABSOLUTE },
    but: { nginx: { url: "http://abs.example/app/x?q=1", headers: { host: "abs.example" } } },
  },
  {
    name: "absolute-form-https",
    url: "http://abs.example/app/x",
    headers: { host: "abs.example" },
  },
  { name: "head", method: "HEAD" },
  {
    name: "post-form",
    method: "POST",
    headers: { "content-length": "10", "content-type": "application/x-www-form-urlencoded" },
  },
  {
    name: "post-chunked",
    method: "POST",
    headers: { "content-length": "27", "content-type": "application/x-www-form-urlencoded" },
  },
  {
    name: "cl-leading-zero",
    method: "POST",
    headers: { "content-length": "3" },
  },
  {
    name: "delete",
    method: "DELETE",
    but: {
      lighttpd: { headers: { "content-length": "0" } },
      mod_fcgid: { headers: { "content-length": "0" } },
      haproxy: { headers: { "content-length": "0" } },
    },
  },
  {
    name: "method-propfind",
    method: "PROPFIND",
    but: {
      lighttpd: { headers: { "content-length": "0" } },
      mod_fcgid: { headers: { "content-length": "0" } },
      haproxy: { headers: { "content-length": "0" } },
    },
  },
  { name: "method-lower", method: "GET" },
  {
    name: "dup-headers",
    headers: { accept: "*/*, text/html", cookie: "a=1; b=2", "x-dup": "one, two, three" },
    but: {
      // Joined as any other header, and no longer to be told apart.
      apache: { headers: { cookie: "a=1, b=2" } },
      mod_fcgid: { headers: { cookie: "a=1, b=2" } },
    },
  },
  {
    name: "conn-hop",
    headers: {
      forwarded: "for=9.9.9.9",
      via: "1.0 fred",
      "x-forwarded-for": "9.9.9.9",
      "x-forwarded-proto": "https",
      "x-hop": "hop",
      "accept-encoding": "gzip",
    },
  },
  {
    name: "empty-header",
    headers: { "x-empty": "", "x-after": "y" },
    but: { lighttpd: { headers: { "x-empty": null } } },
  },
  {
    name: "host-port",
    url: "http://example.org:8443/app/x",
    headers: { host: "example.org:8443" },
    but: { nginx: { url: "http://example.org/app/x", headers: { host: "example.org" } } },
  },
  {
    name: "host-ipv6",
    url: "http://[::1]:8080/app/x",
    headers: { host: "[::1]:8080" },
    but: { nginx: { url: "http://[::1]/app/x", headers: { host: "[::1]" } } },
  },
  { name: "httpoxy" },
  { name: "latin1-header", headers: { "x-latin1": "gr\xfc\xdfe" } },
  {
    name: "authorization",
    headers: { authorization: "Basic dXNlcjpwYXNz" },
    // Stripped unless CGIPassAuth, FcgidPassHeader (set here) or pass-header says otherwise.
    but: {
      apache: { headers: { authorization: null } },
      haproxy: { headers: { authorization: null } },
    },
  },
  {
    name: "content-encoding",
    method: "POST",
    headers: {
      "content-encoding": "gzip",
      "content-language": "de",
      "content-length": "3",
      "content-type": 'text/plain; charset="utf-8"',
    },
  },
  {
    name: "get-body",
    headers: { "content-length": "5" },
  },
  {
    name: "upgrade-ws",
    headers: { "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==", "sec-websocket-version": "13" },
  },
  {
    name: "https-get-encoded",
    url: "https://localhost/app/hello%20w%C3%B6rld/a%2Fb?x=1&y=%C3%A4&z",
  },
];

/** What a row expects of a server. */
function expectedOf(row: Row, server: Server): [string, string, Record<string, string>] {
  const but = row.but?.[server];
  const headers: Record<string, string | null> = { ...CURL, ...row.headers, ...but?.headers };
  return [
    but?.method ?? row.method ?? "GET",
    but?.url ?? row.url ?? "http://localhost/app/x",
    Object.fromEntries(
      Object.entries(headers)
        .filter((entry): entry is [string, string] => entry[1] !== null)
        .sort(([a], [b]) => a < b ? -1 : 1),
    ),
  ];
}

describe("createRequest: the same request through every web server", () => {
  for (const row of ROWS) {
    const sent = SERVERS.filter((server) => capturesOf(server).has(row.name));
    it(`${row.name} (${sent.join(", ")})`, () => {
      for (const server of sent) {
        const request = createRequest(captured(server, row.name), null);
        assert(request instanceof Request, `${server}: ${JSON.stringify(request)}`);
        const headers = [...request.headers].sort(([a], [b]) => a < b ? -1 : 1);
        assertEquals(
          [request.method, request.url, Object.fromEntries(headers)],
          expectedOf(row, server),
          `${server} ${row.name}`,
        );
      }
    });
  }

  it("has a Host of the server's own making without one (HTTP/1.0)", () => {
    const expected: [Server, string, string | null][] = [
      ["nginx", "http://localhost/app/x", "localhost"],
      ["lighttpd", "http://localhost:8201/app/x", null],
      ["apache", "http://localhost:8301/app/x", null],
      ["mod_fcgid", "http://localhost:8321/app/x", null],
      ["haproxy", "http://127.0.0.1:8501/app/x", null],
    ];
    for (const [server, url, host] of expected) {
      const request = createRequest(captured(server, "http10-nohost"), null);
      assert(request instanceof Request);
      assertEquals([request.url, request.headers.get("host")], [url, host]);
    }
  });

  it("makes a Request, or a clean answer, of everything ever captured", () => {
    for (const server of SERVERS) {
      for (const { name, params } of capturesOf(server).values()) {
        const result = createRequest(paramsOf(params), new Uint8Array(3));
        if (result instanceof Request) {
          assertEquals(new URL(result.url).href, result.url);
        } else {
          assert(["method-trace", "method-custom", "host-bad"].includes(name), `${server} ${name}`);
        }
      }
    }
  });
});
