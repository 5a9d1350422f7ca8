import {
  authorizerParams,
  changeParams,
  type ClientParams,
  requestParams,
} from "../../src/client/request_params.ts";
import { utf8AsLatin1 } from "../_bytes.ts";
import { assertEquals } from "../_assert.ts";
import { describe, it } from "../_harness.ts";

function paramsOf(url: string, init?: RequestInit): Record<string, string> {
  return Object.fromEntries(requestParams(new Request(url, init)));
}

describe("requestParams", () => {
  it("makes what nginx's stock fastcgi_params make", () => {
    const headers = { "x-forwarded-for": "1.2.3.4", "content-type": "text/plain" };
    const params = paramsOf("http://example.org:8080/a%20b/c?x=%C3%A4&y", {
      method: "POST",
      headers: { ...headers, "content-length": "2" },
      body: "ab",
    });
    for (const name of Object.keys(params)) {
      // What the runtime adds of its own.
      if (/^HTTP_(?!HOST|X_)/.test(name)) delete params[name];
    }
    assertEquals(params, {
      QUERY_STRING: "x=%C3%A4&y",
      REQUEST_METHOD: "POST",
      CONTENT_TYPE: "text/plain",
      CONTENT_LENGTH: "2",
      SCRIPT_NAME: "/a b/c",
      REQUEST_URI: "/a%20b/c?x=%C3%A4&y",
      DOCUMENT_URI: "/a b/c",
      DOCUMENT_ROOT: "",
      SERVER_PROTOCOL: "HTTP/1.1",
      REQUEST_SCHEME: "http",
      GATEWAY_INTERFACE: "CGI/1.1",
      SERVER_SOFTWARE: "fastcgi-serve",
      REMOTE_ADDR: "127.0.0.1",
      REMOTE_PORT: "0",
      SERVER_ADDR: "127.0.0.1",
      SERVER_PORT: "8080",
      SERVER_NAME: "example.org",
      REDIRECT_STATUS: "200",
      HTTP_HOST: "example.org:8080",
      HTTP_X_FORWARDED_FOR: "1.2.3.4",
    });
  });

  it("says HTTPS, and the scheme's own port", () => {
    const params = paramsOf("https://[::1]/");
    assertEquals(params.HTTPS, "on");
    assertEquals(params.REQUEST_SCHEME, "https");
    assertEquals(params.SERVER_PORT, "443");
    assertEquals(params.SERVER_NAME, "[::1]");
    assertEquals(params.HTTP_HOST, "[::1]");
    assertEquals(paramsOf("http://a/").HTTPS, undefined);
    assertEquals(paramsOf("http://a/").SERVER_PORT, "80");
  });

  it("believes a Host header", () => {
    assertEquals(paramsOf("http://a/", { headers: { host: "b:81" } }).HTTP_HOST, "b:81");
  });

  for (
    const [path, decoded] of [
      ["/", "/"],
      ["/gr%C3%B6%C3%9Fe", utf8AsLatin1("/größe")],
      ["/%ff", "/\xff"],
      ["/a%2Fb", "/a/b"],
      ["//a///b//", "/a/b/"],
      ["/a/%2e%2E/b", "/b"],
      ["/a%2f..%2f..%2f..%2fetc/passwd", "/etc/passwd"],
      ["/a/b%2f..", "/a/"],
      ["/a/b%2f.", "/a/b/"],
      ["/100%", "/100%"],
      ["/%zz", "/%zz"],
      ["/..a/.b", "/..a/.b"],
    ]
  ) {
    it(`decodes ${path}`, () => {
      const params = paramsOf(`http://a${path}`);
      assertEquals(params.SCRIPT_NAME, decoded);
      assertEquals(params.DOCUMENT_URI, decoded);
    });
  }

  it("keeps the target as it is in REQUEST_URI", () => {
    assertEquals(paramsOf("http://a//b%2Fc?d=%2F#e").REQUEST_URI, "//b%2Fc?d=%2F");
  });

  it("passes on values as Latin-1", () => {
    assertEquals(paramsOf("http://a/", { headers: { "x-a": "\xe4\xff" } }).HTTP_X_A, "\xe4\xff");
  });

  it("leaves out what can pass for something else, and what belongs to a connection", () => {
    const names = [
      "proxy",
      "te",
      "transfer-encoding",
      "connection",
      "x_user",
      "x.y",
      "content-type",
    ];
    const headers = Object.fromEntries(names.map((name) => [name, "v"]));
    const params = paramsOf("http://a/", { headers });
    for (const name of ["PROXY", "TE", "TRANSFER_ENCODING", "CONNECTION", "CONTENT_TYPE"]) {
      assertEquals(params[`HTTP_${name}`], undefined);
    }
    assertEquals(Object.keys(params).filter((name) => /X_USER|X.Y/.test(name)), []);
    assertEquals(params.CONTENT_TYPE, "v");
  });
});

describe("changeParams", () => {
  const base = [["A", "1"], ["B", "2"]] as const;
  const changed = (changes?: ClientParams) => [...changeParams(base, changes)];

  it("replaces, adds and takes away", () => {
    assertEquals(changed({ B: "3", C: "4" }), [["A", "1"], ["B", "3"], ["C", "4"]]);
    assertEquals(changed({ A: undefined }), [["B", "2"]]);
    assertEquals(changed(), [["A", "1"], ["B", "2"]]);
  });

  it("takes pairs, a Map, and a name twice", () => {
    assertEquals(changed(new Map([["A", "0"]])), [["B", "2"], ["A", "0"]]);
    assertEquals(changed([["A", "x"], ["A", "y"]]), [["B", "2"], ["A", "x"], ["A", "y"]]);
  });
});

describe("authorizerParams", () => {
  it("takes away what section 6.3 forbids", () => {
    const params = authorizerParams(requestParams(new Request("http://a/b")));
    assertEquals(params.has("SCRIPT_NAME"), false);
    assertEquals(params.has("CONTENT_LENGTH"), false);
    assertEquals(params.get("REQUEST_URI"), "/b");
  });
});
