import { assert, assertEquals } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { createRequest } from "../../src/cgi/request.ts";
import { targetPath } from "../../src/cgi/request_url.ts";
import { captured, paramsOf } from "./_captures.ts";

/** The URL of a GET with these parameters, or the status it is answered with. */
function urlOf(params: Record<string, string>): string | number {
  const result = createRequest(paramsOf({ REQUEST_METHOD: "GET", ...params }), null);
  return result instanceof Request ? result.url : result.status;
}

const target = (uri: string): string | number => urlOf({ HTTP_HOST: "h", REQUEST_URI: uri });
const host = (text: string): string | number => urlOf({ HTTP_HOST: text, REQUEST_URI: "/x" });

describe("requestUrl: REQUEST_URI", () => {
  it("keeps percent-encoding, slashes and the query as they are", () => {
    for (
      const uri of [
        "/",
        "/app/hello%20w%C3%B6rld/a%2Fb?x=1&y=%C3%A4&z",
        "/app/%c3%a4%7Euser/%41~b!$&()*+,;=:@",
        "/app/x?a=?b/../c&d=%2e%2e",
        "/app/100%/x?y=50%",
        "/app/x?",
        "/a%0d%0aX-Y:%20z",
        "/a%00b",
      ]
    ) assertEquals(target(uri), `http://h${uri}`);
  });

  it("takes // at the start as a path, not as a host", () => {
    assertEquals(target("//double//slash"), "http://h//double//slash");
    assertEquals(target("//evil.example/x"), "http://h//evil.example/x");
    assertEquals(target("///"), "http://h///");
  });

  it("leaves dot segments to the URL standard, as Deno.serve does", () => {
    assertEquals(target("/app/../../x/./y"), "http://h/x/y");
    assertEquals(target("/a/%2e%2e/b%2F..%2Fc"), "http://h/b%2F..%2Fc");
  });

  it("encodes bytes from 0x80 one by one, in the query too", () => {
    assertEquals(target("/w\xf6rld?q=\xe4"), "http://h/w%F6rld?q=%E4");
    assertEquals(target("/w\xc3\xb6rld?q=\xff\x80"), "http://h/w%C3%B6rld?q=%FF%80");
  });

  it("encodes what the URL parser would strip or turn into a slash", () => {
    assertEquals(target("/a\tb\nc\rd\0e"), "http://h/a%09b%0Ac%0Dd%00e");
    assertEquals(target("/a b?c d"), "http://h/a%20b?c%20d");
    assertEquals(target("/a\\b\\..\\c"), "http://h/a%5Cb%5C..%5Cc");
    assertEquals(target("/\\evil.example"), "http://h/%5Cevil.example");
    assertEquals(target("/x\x7f\x01 "), "http://h/x%7F%01%20");
  });

  it("cuts a fragment", () => {
    assertEquals(target("/x?y=1#frag"), "http://h/x?y=1");
    assertEquals(target("/x#frag?y=1"), "http://h/x");
    assertEquals(target("/x\xe4#\xe4"), "http://h/x%E4");
  });

  it("takes the host of an absolute form, and the scheme of the connection", () => {
    const absolute = { HTTP_HOST: "other.example", REQUEST_URI: "http://abs.example:8080/x?q=1" };
    assertEquals(urlOf(absolute), "http://abs.example:8080/x?q=1");
    assertEquals(urlOf({ ...absolute, HTTPS: "on" }), "https://abs.example:8080/x?q=1");
    assertEquals(target("https://abs.example/x"), "http://abs.example/x");
    assertEquals(target("HTTP://ABS.example"), "http://abs.example/");
    assertEquals(target("http://abs.example?q"), "http://abs.example/?q");
    assertEquals(target("http://abs.example#f"), "http://abs.example/");
    assertEquals(target("http://abs.example//x\\y"), "http://abs.example//x%5Cy");
  });

  it("refuses an absolute form without a valid host", () => {
    for (const uri of ["http://", "http:///x", "http://u:p@h/x", "http://a b/x", "http://a\\b/x"]) {
      assertEquals(target(uri), 400);
    }
  });

  it("takes * as the server itself", () => {
    assertEquals(target("*"), "http://h/");
  });

  it("takes anything else as a path", () => {
    assertEquals(target("x/y?z"), "http://h/x/y?z");
    assertEquals(target("ftp://a/b"), "http://h/ftp://a/b");
    assertEquals(target("@evil.example/"), "http://h/@evil.example/");
    assertEquals(target(":80/x"), "http://h/:80/x");
    assertEquals(target("?q"), "http://h/?q");
  });

  it("is not changed by SCRIPT_NAME, PATH_INFO or QUERY_STRING", () => {
    const rewritten = { SCRIPT_NAME: "/index.php", PATH_INFO: "/y", QUERY_STRING: "q=2" };
    assertEquals(urlOf({ HTTP_HOST: "h", REQUEST_URI: "/x?q=1", ...rewritten }), "http://h/x?q=1");
    const internal = createRequest(captured("nginx", "x-accel-redirect.1"), null);
    assert(internal instanceof Request);
    assertEquals(internal.url, "http://localhost/app/x?q=1");
  });
});

describe("requestUrl: without REQUEST_URI", () => {
  const decoded = (script: string, info?: string, query?: string): string | number =>
    urlOf({
      HTTP_HOST: "h",
      SCRIPT_NAME: script,
      ...(info === undefined ? {} : { PATH_INFO: info }),
      ...(query === undefined ? {} : { QUERY_STRING: query }),
    });

  it("puts SCRIPT_NAME, PATH_INFO and QUERY_STRING together", () => {
    assertEquals(decoded("/app", "/x", "q=1"), "http://h/app/x?q=1");
    assertEquals(decoded("/app", "", ""), "http://h/app");
    assertEquals(decoded("", "/x"), "http://h/x");
    assertEquals(decoded(""), "http://h/");
    assertEquals(urlOf({ HTTP_HOST: "h", QUERY_STRING: "a=%41" }), "http://h/?a=%41");
    assertEquals(urlOf({ HTTP_HOST: "h", REQUEST_URI: "", SCRIPT_NAME: "/x" }), "http://h/x");
  });

  it("encodes what had been decoded", () => {
    assertEquals(
      decoded("/hello w\xc3\xb6rld", "/a?b#c%d"),
      "http://h/hello%20w%C3%B6rld/a%3Fb%23c%25d",
    );
    assertEquals(decoded("/a\r\nb\0\t\\c"), "http://h/a%0D%0Ab%00%09%5Cc");
    assertEquals(decoded("/~user/A~b!$&'()*+,;=:@"), "http://h/~user/A~b!$&'()*+,;=:@");
    assertEquals(decoded("//evil.example/x"), "http://h//evil.example/x");
    assertEquals(decoded("x"), "http://h/x");
  });

  it("takes the query raw, without a fragment", () => {
    assertEquals(decoded("/x", "", "a=%2e&b=\xe4 \t#frag"), "http://h/x?a=%2e&b=%E4%20%09");
  });
});

describe("requestUrl: scheme", () => {
  const scheme = (params: Record<string, string>): string =>
    String(urlOf({ HTTP_HOST: "h", REQUEST_URI: "/", ...params })).replace("://h/", "");

  it("is http unless something says https", () => {
    assertEquals(scheme({}), "http");
    for (const off of ["", "off", "OFF", "0", "no"]) assertEquals(scheme({ HTTPS: off }), "http");
    for (const on of ["on", "ON", "On", "1"]) assertEquals(scheme({ HTTPS: on }), "https");
  });

  it("comes from REQUEST_SCHEME, if that is http or https", () => {
    assertEquals(scheme({ REQUEST_SCHEME: "https" }), "https");
    assertEquals(scheme({ REQUEST_SCHEME: "HTTPS", HTTPS: "off" }), "https");
    assertEquals(scheme({ REQUEST_SCHEME: "http" }), "http");
    for (const odd of ["", "ftp", "javascript", "https:"]) {
      assertEquals(scheme({ REQUEST_SCHEME: odd }), "http");
    }
  });

  it("is https if HTTPS is switched on by hand, whatever nginx's stock REQUEST_SCHEME says", () => {
    assertEquals(scheme({ REQUEST_SCHEME: "http", HTTPS: "on" }), "https");
  });
});

describe("requestUrl: host", () => {
  it("is Host as it came, in lower case, with its port but the default one", () => {
    assertEquals(host("example.org:8443"), "http://example.org:8443/x");
    assertEquals(host("EXAMPLE.org."), "http://example.org./x");
    assertEquals(host("example.org:80"), "http://example.org/x");
    assertEquals(host("example.org:"), "http://example.org/x");
    assertEquals(host("[::1]:8080"), "http://[::1]:8080/x");
    assertEquals(host("127.0.0.1"), "http://127.0.0.1/x");
    assertEquals(host("my_host-1.example"), "http://my_host-1.example/x");
    assertEquals(
      urlOf({ HTTP_HOST: "h:443", REQUEST_URI: "/", REQUEST_SCHEME: "https" }),
      "https://h/",
    );
  });

  it("is refused if it is none, and cannot change the rest of the URL", () => {
    for (
      const text of [
        "a b",
        "a b/c@d",
        "user@host",
        "user:pass@host",
        "host/path",
        "host?query",
        "host#fragment",
        "host\\path",
        "host:80/x",
        "host:port",
        "host:123456",
        "host:65536",
        "::1",
        "[::1",
        "[::g]",
        "[::1]x",
        "a%2fb",
        "%00",
        "a,b c",
        "h\xe4",
        "h\0",
        "h\t",
        "h\r\nX-Y: z",
        "<h>",
        "a|b",
        "a^b",
        ":80",
        "/",
        " ",
      ]
    ) assertEquals(host(text), 400, `Host: ${text}`);
  });

  it("is refused as HAProxy hands it on", () => {
    const result = createRequest(captured("haproxy", "host-bad"), null);
    assert(!(result instanceof Request));
    assertEquals(result, { status: 400, reason: "Host is not valid" });
  });

  it("is SERVER_NAME and SERVER_PORT without a Host, or with an empty one", () => {
    const server = (name: string, port: string, extra: Record<string, string> = {}) =>
      urlOf({ REQUEST_URI: "/x", SERVER_NAME: name, SERVER_PORT: port, ...extra });
    assertEquals(server("example.org", "8443"), "http://example.org:8443/x");
    assertEquals(server("example.org", "8443", { HTTP_HOST: "" }), "http://example.org:8443/x");
    assertEquals(server("example.org", "80"), "http://example.org/x");
    assertEquals(server("example.org", "443", { HTTPS: "on" }), "https://example.org/x");
    assertEquals(server("example.org", "443"), "http://example.org:443/x");
    assertEquals(server("127.0.0.1:8501", "8501"), "http://127.0.0.1:8501/x");
    assertEquals(server("::1", "8401"), "http://[::1]:8401/x");
    assertEquals(server("[::1]", "8401"), "http://[::1]:8401/x");
    assertEquals(server("[::1]:8401", "9"), "http://[::1]:8401/x");
    assertEquals(server("example.org", ""), "http://example.org/x");
    assertEquals(server("example.org", "http"), "http://example.org/x");
  });

  it("is localhost if the server's own name is none: that is no fault of the client", () => {
    assertEquals(urlOf({ REQUEST_URI: "/x" }), "http://localhost/x");
    assertEquals(urlOf({ REQUEST_URI: "/x", SERVER_NAME: "" }), "http://localhost/x");
    const regex = { REQUEST_URI: "/x", SERVER_NAME: "~^(www\\.)?re.*$", SERVER_PORT: "8773" };
    assertEquals(urlOf(regex), "http://localhost:8773/x");
  });
});

describe("targetPath", () => {
  it("is the raw path of every form of target", () => {
    assertEquals(targetPath("/a%20b?c#d"), "/a%20b");
    assertEquals(targetPath("/a#b?c"), "/a");
    assertEquals(targetPath("//a//b"), "//a//b");
    assertEquals(targetPath("http://h:1/x?y"), "/x");
    assertEquals(targetPath("http://h?y"), "/");
    assertEquals(targetPath("*"), "/");
    assertEquals(targetPath("x"), "/x");
  });
});
