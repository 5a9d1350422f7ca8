import { assert, assertEquals } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { createRequest } from "../../src/cgi/request.ts";
import type { CgiParams } from "../../src/cgi/params.ts";
import { captured, paramsOf } from "./_captures.ts";

type Pairs = Record<string, string> | [string, string][];

function headersFrom(params: CgiParams): Record<string, string> {
  const request = createRequest(params, null);
  assert(request instanceof Request);
  return Object.fromEntries(request.headers);
}

function headersOf(pairs: Pairs, method = "GET"): Record<string, string> {
  const params = paramsOf(pairs);
  params.append("REQUEST_METHOD", method);
  params.append("REQUEST_URI", "/");
  return headersFrom(params);
}

describe("requestHeaders", () => {
  it("makes headers of HTTP_* and of nothing else", () => {
    const params = {
      HTTP_ACCEPT_LANGUAGE: "de",
      HTTP_X_UNDER_SCORE: "1",
      "HTTP_X.FOO": "dot",
      SERVER_NAME: "localhost",
      REMOTE_USER: "nobody",
      PATH: "/bin",
      "proxy-nokeepalive": "1",
      http_x: "lower case",
    };
    assertEquals(headersOf(params), {
      "accept-language": "de",
      "x-under-score": "1",
      "x.foo": "dot",
    });
  });

  it("joins headers that came twice, cookies with a separator of their own", () => {
    const expected = { cookie: "a=1; b=2", host: "localhost", "x-dup": "one, two, three" };
    for (const server of ["nginx", "haproxy"] as const) {
      const { accept: _, "user-agent": __, ...headers } = headersFrom(
        captured(server, "dup-headers"),
      );
      assertEquals(headers, expected);
    }
  });

  it("joins names that become one header", () => {
    const headers = headersFrom(captured("nginx", "permissive-clash-names"));
    assertEquals(headers["x-foo"], "dash, under");
  });

  it("keeps values byte for byte", () => {
    const bytes = String.fromCharCode(...Array.from({ length: 128 }, (_, i) => 0x80 + i));
    assertEquals(headersOf({ HTTP_X: `a${bytes}b` }).x, `a${bytes}b`);
    assertEquals(headersFrom(captured("nginx", "latin1-header"))["x-latin1"], "gr\xfc\xdfe");
    assertEquals(headersFrom(captured("nginx", "ctl-header"))["x-ctl"], "a\x01b\x7fc");
  });

  it("keeps empty values", () => {
    const headers = headersOf({ HTTP_X_EMPTY: "", HTTP_USER_AGENT: "" });
    assertEquals(headers, { "user-agent": "", "x-empty": "" });
  });

  it("leaves out what Headers would throw on, and keeps the rest", () => {
    const params = {
      HTTP_: "no name",
      HTTP__: "a dash",
      "HTTP_A B": "blank",
      "HTTP_A:B": "colon",
      "HTTP_\xc4": "no token",
      "HTTP_A\nB": "line feed",
      "HTTP_(X)": "parentheses",
      HTTP_NUL: "a\0b",
      HTTP_CR: "a\rb",
      HTTP_LF: "a\nX-Injected: b",
      HTTP_WIDE: "a\u0100b",
      HTTP_GOOD: "yes",
    };
    assertEquals(headersOf(params), { "-": "a dash", good: "yes" });
  });

  it("takes names with every character a token may have", () => {
    const headers = headersOf({ "HTTP_X_TOK!#$%&'*+^`|~9": "v" });
    assertEquals(headers, { "x-tok!#$%&'*+^`|~9": "v" });
  });

  it("drops what is about the connection to the web server", () => {
    const names = "CONNECTION KEEP_ALIVE PROXY_CONNECTION TRANSFER_ENCODING TE TRAILER UPGRADE " +
      "PROXY_AUTHORIZATION HTTP2_SETTINGS";
    const params = Object.fromEntries(names.split(" ").map((name) => [`HTTP_${name}`, "x"]));
    assertEquals(headersOf({ ...params, HTTP_VIA: "1.0 fred" }), { via: "1.0 fred" });
  });

  it("keeps what a client lists in Connection: it must not take away what the server added", () => {
    const headers = headersOf({
      HTTP_CONNECTION: "close, X-Forwarded-For, Host, Cookie, Authorization, X-Hop",
      HTTP_X_FORWARDED_FOR: "9.9.9.9",
      HTTP_HOST: "localhost",
      HTTP_COOKIE: "a=1",
      HTTP_AUTHORIZATION: "Bearer x",
      HTTP_X_HOP: "hop",
    });
    assertEquals(headers, {
      authorization: "Bearer x",
      cookie: "a=1",
      host: "localhost",
      "x-forwarded-for": "9.9.9.9",
      "x-hop": "hop",
    });
  });

  it("takes the content headers from CONTENT_*, never from HTTP_CONTENT_*", () => {
    const params = {
      CONTENT_TYPE: "text/plain",
      CONTENT_LENGTH: "3",
      HTTP_CONTENT_TYPE: "text/evil",
      HTTP_CONTENT_LENGTH: "77",
      HTTP_CONTENT_ENCODING: "gzip",
    };
    const expected = {
      "content-encoding": "gzip",
      "content-length": "3",
      "content-type": "text/plain",
    };
    assertEquals(headersOf(params, "POST"), expected);
    assertEquals(
      headersOf({ HTTP_CONTENT_TYPE: "text/evil", HTTP_CONTENT_LENGTH: "77" }, "PUT"),
      {},
    );
  });

  it("shows a length that is one, without leading zeros", () => {
    const length = (value: string, method = "POST") =>
      headersOf({ CONTENT_LENGTH: value }, method)["content-length"];
    assertEquals(length("0"), "0");
    assertEquals(length("3"), "3");
    assertEquals(length("0003"), "3");
    assertEquals(length("000"), "0");
    assertEquals(length("9007199254740991"), "9007199254740991");
    assertEquals([length("1, 1"), length(" 1 ")], ["1", "1"]);
    for (
      const none of ["", "-1", "+1", "1.0", "1e3", "0x10", "a", "1,2", "\u0661", "9".repeat(20)]
    ) {
      assertEquals(length(none), undefined);
    }
    assertEquals(length("5", "GET"), "5");
  });

  it("takes the last CONTENT_LENGTH", () => {
    assertEquals(headersOf([["CONTENT_LENGTH", "1"], ["CONTENT_LENGTH", "2"]], "POST"), {
      "content-length": "2",
    });
  });

  it("shows no empty Content-Type", () => {
    assertEquals(headersOf({ CONTENT_TYPE: "" }, "POST"), {});
  });

  it("shows the last Host that is not empty", () => {
    assertEquals(headersOf([["HTTP_HOST", "a"], ["HTTP_HOST", "b:81"]]), { host: "b:81" });
    assertEquals(headersOf({ HTTP_HOST: "", SERVER_NAME: "x" }), {});
  });

  it("shows names of its own to no one: a spoofed HTTP_SCRIPT_NAME is an ordinary header", () => {
    const params = captured("nginx", "permissive-spoof-names");
    const request = createRequest(params, null);
    assert(request instanceof Request);
    assertEquals(request.url, "http://localhost/app/x");
    assertEquals(request.headers.get("script-name"), "/evil");
    assertEquals(request.headers.get("content-length"), null);
  });

  it("remembers names without mixing them up, however many there are", () => {
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 600; i += 7) {
        assertEquals(headersOf({ [`HTTP_X_${i}`]: "v" }), { [`x-${i}`]: "v" });
        assertEquals(headersOf({ [`HTTP_X-${i}`]: "v" }), { [`x-${i}`]: "v" });
      }
      assertEquals(headersOf({ HTTP_CONNECTION: "close", HTTP_VIA: "x" }), { via: "x" });
    }
    const long = "X".repeat(5000);
    assertEquals(headersOf({ [`HTTP_${long}`]: "v" }), { [long.toLowerCase()]: "v" });
  });
});
