import { assert, assertEquals, assertMatch } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import {
  responseAllowsBody,
  responseHead,
  type ResponseHeadOptions,
} from "../../src/cgi/response_head.ts";

function headOf(response: Response, options: Partial<ResponseHeadOptions> = {}): string {
  const head = responseHead(response, { method: "GET", ...options });
  assert(typeof head === "string", `Rejected: ${JSON.stringify(head)}`);
  return head;
}

/** The lines, without the blank one at the end. */
function linesOf(response: Response, options?: Partial<ResponseHeadOptions>): string[] {
  const head = headOf(response, options);
  assert(head.endsWith("\r\n\r\n"));
  return head.slice(0, -4).split("\r\n");
}

function lengthOf(response: Response, options?: Partial<ResponseHeadOptions>): string[] {
  return linesOf(response, options).filter((line) => /^content-length/i.test(line));
}

/** What another implementation of fetch may hand over: headers nobody has checked. */
function foreign(headers: [string, string][], init: { status?: number; statusText?: string } = {}) {
  return {
    status: init.status ?? 200,
    statusText: init.statusText ?? "",
    headers: {
      forEach: (visit: (value: string, name: string) => void) => {
        for (const [name, value] of headers) visit(value, name);
      },
    },
  } as Response;
}

describe("responseHead", () => {
  it("writes one line per header, Status last, and the blank line", () => {
    const response = new Response(null, {
      status: 404,
      headers: { "content-type": "text/html", "X-Powered-By": "tests" },
    });
    assertEquals(
      headOf(response, { contentLength: 5 }),
      "Content-Type: text/html\r\nX-Powered-By: tests\r\nContent-Length: 5\r\n" +
        "Status: 404 Not Found\r\n\r\n",
    );
  });

  it("writes Status last behind Location, which HAProxy would make 302 of", () => {
    const lines = linesOf(Response.redirect("http://h/x", 307));
    assertEquals(lines, ["Location: http://h/x", "Status: 307 Temporary Redirect"]);
  });

  it("writes one line per cookie, commas and all", () => {
    const headers = new Headers([
      ["set-cookie", "a=1; Expires=Thu, 01 Jan 2026 00:00:00 GMT"],
      ["set-cookie", "b=2"],
      ["x-a", "1"],
      ["x-a", "2"],
      ["set-cookie", "c=3"],
    ]);
    assertEquals(linesOf(new Response(null, { headers })).sort(), [
      "Set-Cookie: a=1; Expires=Thu, 01 Jan 2026 00:00:00 GMT",
      "Set-Cookie: b=2",
      "Set-Cookie: c=3",
      "Status: 200 OK",
      "X-A: 1, 2",
    ]);
  });

  it("keeps values byte for byte, empty ones too", () => {
    const bytes = String.fromCharCode(...Array.from({ length: 127 }, (_, i) => 0x80 + i));
    const response = new Response(null, {
      headers: { "x-a": bytes + "\xff", "x-b": "", "x-c": "a\tb" },
    });
    assertEquals(linesOf(response).slice(0, 3), [`X-A: ${bytes}\xff`, "X-B: ", "X-C: a\tb"]);
  });

  it("spells names as HTTP/1 does", () => {
    const names = ["Etag", "Www-Authenticate", "X-1-A", "X-Y.z", "X_Y", "Content-Security-Policy"];
    const response = new Response(null, {
      headers: names.map((name): [string, string] => [name, "v"]),
    });
    assertEquals(
      linesOf(response).slice(0, -1).sort(),
      names.map((name) => `${name === "X_Y" ? "X_y" : name}: v`).sort(),
    );
  });

  it("removes hop-by-hop headers and Status: framing is not the application's", () => {
    const headers = {
      "connection": "close",
      "keep-alive": "timeout=5",
      "proxy-connection": "close",
      "te": "trailers",
      "trailer": "x",
      "transfer-encoding": "chunked",
      "upgrade": "h2c",
      "status": "200 OK",
      "x-ok": "1",
    };
    const lines = linesOf(new Response(null, { status: 500, headers }));
    assertEquals(lines, ["X-Ok: 1", "Status: 500 Internal Server Error"]);
  });

  it("removes what Connection lists: a response passed on", () => {
    const headers = { "a-hop": "1", connection: "close, A-Hop,x-hop", "x-hop": "2", "x-ok": "3" };
    assertEquals(linesOf(new Response(null, { headers })), ["X-Ok: 3", "Status: 200 OK"]);
    const upper = foreign([["X-Hop", "1"], ["Connection", "X-HOP"]]);
    assertEquals(linesOf(upper), ["Status: 200 OK"]);
    const odd = { connection: ",", "x-ok": "3" };
    assertEquals(linesOf(new Response(null, { headers: odd })), ["X-Ok: 3", "Status: 200 OK"]);
  });
});

describe("responseHead: status", () => {
  const status = (code: number, statusText = "") =>
    linesOf(new Response(null, { status: code, statusText })).at(-1);

  it("has the standard phrase, whatever the application calls it", () => {
    assertEquals(status(200), "Status: 200 OK");
    assertEquals(status(200, "Fine"), "Status: 200 OK");
    assertEquals(status(204), "Status: 204 No Content");
    assertEquals(status(413), "Status: 413 Content Too Large");
    assertEquals(status(418), "Status: 418 I'm a teapot");
    assertEquals(status(511), "Status: 511 Network Authentication Required");
  });

  it("has the application's phrase where there is no standard one", () => {
    assertEquals(status(299, "Very Fine"), "Status: 299 Very Fine");
    assertEquals(status(299), "Status: 299 Unknown");
    assertEquals(status(599), "Status: 599 Unknown");
  });

  it("has no phrase that breaks the line", () => {
    for (
      const statusText of [
        "a\r\nX-Injected: b",
        "a\rb",
        "a\nb",
        "a\0b",
        "a\u010ab",
        "€",
        " ",
        "a\x7f",
      ]
    ) {
      const [line] = linesOf(foreign([], { status: 299, statusText }));
      assertEquals(line, "Status: 299 Unknown");
    }
  });

  it("is rejected if it is informational or none: web servers take 1xx for the answer", () => {
    for (const code of [0, 100, 101, 103, 199, 600, 999, -1, 200.5, NaN]) {
      const rejection = responseHead(foreign([], { status: code }), { method: "GET" });
      assert(typeof rejection !== "string");
      assertEquals(rejection.status, 500);
      assertMatch(rejection.reason, /^Status of the response cannot be sent: /);
    }
    assert(typeof responseHead(Response.error(), { method: "GET" }) !== "string");
    for (const code of [200, 599]) {
      assert(typeof responseHead(foreign([], { status: code }), { method: "GET" }) === "string");
    }
  });
});

describe("responseHead: Content-Length", () => {
  const withLength = (length: string, status = 200) =>
    new Response(null, { status, headers: { "content-length": length } });

  it("is the true length, where it is known", () => {
    assertEquals(lengthOf(new Response(null), { contentLength: 13 }), ["Content-Length: 13"]);
    assertEquals(lengthOf(new Response(null), { contentLength: 0 }), ["Content-Length: 0"]);
    assertEquals(lengthOf(withLength("999"), { contentLength: 13 }), ["Content-Length: 13"]);
    assertEquals(lengthOf(withLength("nonsense"), { contentLength: 0 }), ["Content-Length: 0"]);
  });

  it("is the application's for a stream, if it is a number", () => {
    assertEquals(lengthOf(withLength("13")), ["Content-Length: 13"]);
    assertEquals(lengthOf(withLength("13, 13")), ["Content-Length: 13"]);
    assertEquals(lengthOf(new Response(null)), []);
    assertEquals(lengthOf(withLength("9007199254740991")), ["Content-Length: 9007199254740991"]);
    assertEquals(lengthOf(withLength("0013")), ["Content-Length: 13"]);
    const none = ["", "-1", "+1", "1.5", "abc", "13, 14", "1 2", "0x10", "13,", "9".repeat(16)];
    for (const wrong of none) {
      assertEquals(lengthOf(withLength(wrong)), [], wrong);
    }
  });

  it("is that of the body for HEAD, or the application's where there is none", () => {
    const method = "HEAD";
    const own = ["Content-Length: 999"];
    assertEquals(lengthOf(withLength("999"), { method }), own);
    assertEquals(lengthOf(withLength("999"), { method, contentLength: 0 }), own);
    const known = ["Content-Length: 13"];
    assertEquals(lengthOf(withLength("999"), { method, contentLength: 13 }), known);
    const plain = new Response(null);
    assertEquals(lengthOf(plain, { method, contentLength: 13 }), known);
    assertEquals(lengthOf(plain, { method, contentLength: 0 }), []);
    assertEquals(lengthOf(plain, { method }), []);
  });

  it("is not there for 204 and 304, whatever the application says, and 0 for 205", () => {
    const rows: [number, string[]][] = [[204, []], [304, []], [205, ["Content-Length: 0"]]];
    for (const [status, expected] of rows) {
      for (const method of ["GET", "HEAD", "POST"]) {
        for (const length of ["0", "5", "999", "5, 5", "x"]) {
          for (const contentLength of [undefined, 0, 5]) {
            const options = { method, contentLength };
            assertEquals(lengthOf(withLength(length, status), options), expected);
            assertEquals(lengthOf(new Response(null, { status }), options), expected);
          }
        }
      }
    }
  });

  it("is gone with the Content-Encoding of a body that has been decoded", () => {
    const headers = { "content-encoding": "gzip", "content-length": "61", "x-a": "b" };
    const response = new Response(null, { headers });
    assertEquals(linesOf(response, { decoded: true }), ["X-A: b", "Status: 200 OK"]);
    assertEquals(lengthOf(response, { decoded: true, contentLength: 308 }), [
      "Content-Length: 308",
    ]);
    assertEquals(lengthOf(response, { decoded: true, method: "HEAD" }), []);
    assertEquals(linesOf(response).length, 4);
  });

  it("is there once, however often it was set", () => {
    const twice = foreign([["content-length", "5"], ["Content-Length", "5"]]);
    assertEquals(lengthOf(twice), ["Content-Length: 5"]);
    assertEquals(lengthOf(twice, { contentLength: 7 }), ["Content-Length: 7"]);
    assertEquals(lengthOf(foreign([["content-length", "5"], ["Content-Length", "6"]])), []);
  });
});

describe("responseHead: server-sent events", () => {
  const bufferingOf = (headers: Record<string, string>, options?: Partial<ResponseHeadOptions>) =>
    linesOf(new Response(null, { headers }), options)
      .filter((line) => /^x-accel-buffering/i.test(line));

  it("go out with X-Accel-Buffering: no", () => {
    for (
      const type of ["text/event-stream", "Text/Event-Stream", "text/event-stream; charset=utf-8"]
    ) {
      assertEquals(bufferingOf({ "content-type": type }), ["X-Accel-Buffering: no"]);
      assertEquals(bufferingOf({ "content-type": type }, { method: "HEAD" }).length, 1);
    }
  });

  it("keep what the handler says", () => {
    for (const own of ["yes", "no"]) {
      const headers = { "content-type": "text/event-stream", "x-accel-buffering": own };
      assertEquals(bufferingOf(headers), [`X-Accel-Buffering: ${own}`]);
    }
  });

  it("are alone in it", () => {
    for (const type of ["text/plain", "text/event-streams", "x/text/event-stream", ""]) {
      assertEquals(bufferingOf({ "content-type": type }), []);
    }
    assertEquals(bufferingOf({}), []);
    assertEquals(bufferingOf({ "content-type": "text/event-stream" }, { authorizer: true }), []);
  });
});

describe("responseHead: Content-Type", () => {
  const form = new FormData();
  form.append("a", "b");
  const text = new TextEncoder().encode("Grüße");
  const rows: [string, () => Response, Uint8Array | undefined, RegExp | null][] = [
    ["a string", () => new Response("Grüße"), text, /^Content-Type: text\/plain;charset=UTF-8$/],
    [
      "a string and another header",
      () => new Response("Grüße", { headers: { "x-a": "b" } }),
      text,
      /^Content-Type: text\/plain;charset=UTF-8$/,
    ],
    [
      "a string with a type of its own",
      () => new Response("Grüße", { headers: { "content-type": "text/html" } }),
      text,
      /^Content-Type: text\/html$/,
    ],
    ["JSON", () => Response.json({}), text, /^Content-Type: application\/json(;charset=utf-8)?$/],
    ["a Blob", () => new Response(new Blob(["x"], { type: "a/b" })), text, /^Content-Type: a\/b$/],
    [
      "URLSearchParams",
      () => new Response(new URLSearchParams("a=b")),
      text,
      /^Content-Type: application\/x-www-form-urlencoded;charset=UTF-8$/,
    ],
    [
      "FormData",
      () => new Response(form),
      text,
      /^Content-Type: multipart\/form-data; ?boundary=.+$/,
    ],
    ["bytes", () => new Response(Uint8Array.of(0xff, 0xd8)), Uint8Array.of(0xff, 0xd8), null],
    ["a stream", () => new Response(new Blob(["x"]).stream()), undefined, null],
    ["nothing", () => new Response(null), undefined, null],
  ];
  for (const [what, make, body, expected] of rows) {
    it(`of ${what} goes out on every runtime, once`, () => {
      const types = linesOf(make(), { body }).filter((line) => /^content-type/i.test(line));
      if (expected === null) assertEquals(types, []);
      else {
        assertEquals(types.length, 1);
        assertMatch(types[0], expected);
      }
    });
  }

  it("of a body that was touched is still there if headers were read before", () => {
    const response = new Response(new Blob(["x"], { type: "a/b" }));
    response.headers;
    assert(response.body !== null);
    assertEquals(linesOf(response)[0], "Content-Type: a/b");
  });
});

describe("responseHead: what goes out", () => {
  it("has no line break, NUL or control character that the application put there", () => {
    for (const value of ["a\r\nX-Injected: b", "a\rb", "a\nb", "a\0b", "a\x01\x1f\x7fb"]) {
      const lines = linesOf(foreign([["x-a", value]]));
      assertEquals(lines.length, 2);
      assertMatch(lines[0], /^X-A: a[ ]+(X-Injected: )?b$/);
    }
  });

  it("has ? for what is no byte, never its low byte", () => {
    assertEquals(linesOf(foreign([["x-a", "a\u010ab€"]]))[0], "X-A: a?b?");
  });

  it("has no name that is none", () => {
    const names = ["", "a b", "a:b", "a\r\nb", "a\0", "\xe4", "\u0100", "(a)"];
    assertEquals(linesOf(foreign(names.map((name) => [name, "v"]))), ["Status: 200 OK"]);
  });
});

describe("responseHead: authorizer", () => {
  it("names CGI variables in upper case", () => {
    const headers = { "Variable-REMOTE_USER": "me", "Variable-Auth-Method": "db", "X-A": "b" };
    assertEquals(linesOf(new Response(null, { headers }), { authorizer: true }), [
      "Variable-AUTH_METHOD: db",
      "Variable-REMOTE_USER: me",
      "X-A: b",
      "Status: 200 OK",
    ]);
    assertEquals(linesOf(new Response(null, { headers }))[0], "Variable-Auth-Method: db");
  });

  it("sends no length with a grant: the body will be the web server's", () => {
    const options = { authorizer: true, contentLength: 0 };
    assertEquals(lengthOf(new Response(null), options), []);
    assertEquals(lengthOf(new Response(null, { status: 403 }), options), ["Content-Length: 0"]);
  });
});

describe("responseAllowsBody", () => {
  it("is false for HEAD, 204, 205, 304 and informational statuses", () => {
    assert(!responseAllowsBody("HEAD", 200));
    for (const status of [100, 101, 103, 204, 205, 304]) assert(!responseAllowsBody("GET", status));
    for (const status of [200, 201, 206, 301, 400, 404, 500]) {
      assert(responseAllowsBody("GET", status));
      assert(responseAllowsBody("POST", status));
    }
  });
});
