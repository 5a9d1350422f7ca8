/**
 * What web servers say beside the request, and what is made of it here: nothing, mostly, with the
 * reason in the name of the test. Over captured parameters.
 */
import { assert, assertEquals } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { splitPath } from "../../src/cgi/split_path.ts";
import { createRequest } from "../../src/cgi/request.ts";
import { captured, capturesOf, paramsOf, type Server, SERVERS } from "./_captures.ts";

function requestOf(server: Server, name: string): Request {
  const request = createRequest(captured(server, name), null);
  assert(request instanceof Request);
  return request;
}

/** Some parameters of a capture; `undefined` if they were not sent. */
function said(server: Server, name: string, ...params: string[]): (string | undefined)[] {
  const all = captured(server, name);
  return params.map((param) => all.get(param));
}

describe("What web servers say beside the request", () => {
  it("QUERY_STRING, which lighttpd rewrites and nginx changes, is not looked at beside REQUEST_URI", () => {
    assertEquals(said("lighttpd", "get-query-qmark", "QUERY_STRING"), ["a=?b/../c&d=.."]);
    assertEquals(
      requestOf("lighttpd", "get-query-qmark").url,
      "http://localhost/app/x?a=?b/../c&d=%2e%2e",
    );
    assertEquals(said("lighttpd", "get-bad-percent", "QUERY_STRING"), ["y=50%25"]);
    assertEquals(requestOf("lighttpd", "get-bad-percent").url, "http://localhost/app/100%/x?y=50%");
    assertEquals(said("nginx", "x-accel-redirect.1", "QUERY_STRING"), ["y=2"]);
    assertEquals(requestOf("nginx", "x-accel-redirect.1").url, "http://localhost/app/x?q=1");
    // HAProxy leaves it out if it is empty.
    assertEquals(said("haproxy", "get-root", "QUERY_STRING"), [undefined]);
  });

  it("REQUEST_URI is what was asked for after a rewrite, an error page, a directory index, a fallback", () => {
    const rewritten: [Server, string, string][] = [
      ["lighttpd", "rewrite-get-encoded", "SCRIPT_NAME"],
      ["lighttpd", "errorhandler404-get-encoded", "SCRIPT_NAME"],
      ["lighttpd", "rewrite-get-encoded", "REDIRECT_URI"],
      ["caddy", "php-get-encoded", "SCRIPT_NAME"],
    ];
    for (const [server, name, param] of rewritten) {
      const [other] = said(server, name, param);
      assert(other !== undefined && !other.startsWith("/app/hello%20"), `${server} ${other}`);
      assertEquals(
        requestOf(server, name).url,
        "http://localhost/app/hello%20w%C3%B6rld/a%2Fb?x=1&y=%C3%A4&z",
      );
    }
    assertEquals(said("apache", "sethandler-get-root", "SCRIPT_NAME"), ["/index.html"]);
    assertEquals(requestOf("apache", "sethandler-get-root").url, "http://localhost/");
  });

  it("REMOTE_USER stays a parameter: nginx and HAProxy copy it out of a header nobody has checked", () => {
    const params = ["AUTH_TYPE", "REMOTE_USER", "HTTP_AUTHORIZATION"];
    assertEquals(said("haproxy", "authorization", ...params), ["Basic", "user", undefined]);
    assertEquals(said("nginx", "authorization", "REMOTE_USER"), ["user"]);
    assertEquals(said("nginx", "get-root", "REMOTE_USER"), [""]);
    assertEquals(said("caddy", "authorization", "REMOTE_USER"), [""]);
    assertEquals(requestOf("haproxy", "authorization").headers.get("authorization"), null);
  });

  it("REMOTE_PASSWD, which Apache's authenticators get in clear text, is no header", () => {
    for (
      const [server, name] of [
        ["apache", "authnz_fcgi-authorization"],
        ["mod_fcgid", "authnz-authorization"],
      ] as const
    ) {
      assertEquals(said(server, name, "REMOTE_USER", "REMOTE_PASSWD"), ["user", "pass"]);
      for (const [header, value] of requestOf(server, name).headers) {
        assert(!/passwd|remote/.test(header) && value !== "pass", header);
      }
    }
  });

  it("authorizers say no SCRIPT_NAME, or the path; it is the path that is to be decided about", () => {
    for (const server of SERVERS) {
      for (const { name, role, params, request } of capturesOf(server).values()) {
        if (role !== "authorizer" || name.endsWith("get-encoded")) continue;
        const { scriptName, pathInfo } = splitPath(paramsOf(params));
        assertEquals([scriptName, pathInfo], ["", request.split(" ")[1]], `${server} ${name}`);
      }
    }
  });

  it("SERVER_PROTOCOL has several names for HTTP/2, and decides nothing", () => {
    for (const server of ["nginx", "lighttpd", "apache", "caddy", "haproxy"] as const) {
      assertEquals(said(server, "h2", "SERVER_PROTOCOL"), ["HTTP/2.0"]);
      assertEquals(new URL(requestOf(server, "h2").url).pathname, "/app/hello%20w%C3%B6rld");
    }
    assertEquals(said("nginx", "http09", "SERVER_PROTOCOL"), [""]);
    assertEquals(said("apache", "http09", "SERVER_PROTOCOL"), ["HTTP/0.9"]);
    assertEquals(requestOf("nginx", "http09").url, "http://localhost/app/x");
    assertEquals(requestOf("apache", "http09").url, "http://localhost:8301/app/x");
  });

  it("SERVER_ADDR, in lighttpd's brackets or not at all, is not the host", () => {
    const address = (server: Server) => said(server, "ipv6-get-encoded", "SERVER_ADDR");
    assertEquals(address("lighttpd"), ["[::1]"]);
    assertEquals(address("nginx"), ["::1"]);
    assertEquals(address("caddy"), [undefined]);
    for (const server of ["lighttpd", "nginx", "caddy", "haproxy"] as const) {
      assertEquals(new URL(requestOf(server, "ipv6-get-encoded").url).host, "localhost");
    }
  });

  it("SERVER_NAME and SERVER_PORT, which a client's Host fills, are not looked at beside it", () => {
    assertEquals(said("apache", "host-port", "SERVER_PORT"), ["8443"]);
    assertEquals(said("haproxy", "host-port", "SERVER_NAME"), ["example.org:8443"]);
    assertEquals(said("caddy", "host-ipv6", "SERVER_NAME", "SERVER_PORT"), ["::1", "8080"]);
    assertEquals(said("caddy", "http10-nohost", "HTTP_HOST", "SERVER_NAME"), ["", ""]);
    assertEquals(requestOf("caddy", "http10-nohost").url, "http://localhost/app/x");
  });

  it("REQUEST_SCHEME is missing from HAProxy; HTTPS is there with all", () => {
    for (const server of ["nginx", "lighttpd", "caddy", "haproxy"] as const) {
      const [https, scheme] = said(server, "https-get-encoded", "HTTPS", "REQUEST_SCHEME");
      assertEquals([https, scheme], ["on", server === "haproxy" ? undefined : "https"]);
    }
  });

  it("a header that spells a parameter stays a header", () => {
    for (const server of SERVERS) {
      const { url, headers } = requestOf(server, "spoof-names");
      assertEquals(url, "http://localhost/app/x");
      assertEquals([headers.get("https"), headers.get("script-name")], ["on", "/evil"]);
      assertEquals(headers.get("content-length"), null);
    }
    // h2o 2.2 names the second line of a folded header `HTTP_`: no header has an empty name.
    const folded = paramsOf([
      ...captured("nginx", "get-root"),
      ["HTTP_X_FOLD", "a"],
      ["HTTP_", "b"],
    ]);
    const request = createRequest(folded, null);
    assert(request instanceof Request);
    assertEquals(request.headers.get("x-fold"), "a");
    assertEquals([...request.headers.keys()].length, 4);
  });
});
