import { assert, assertEquals } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { authorizerHeaderName, isGrant } from "../../src/cgi/authorizer_head.ts";
import { responseAllowsBody, responseHead } from "../../src/cgi/response_head.ts";

/** The lines of an authorizer's header block. */
function linesOf(response: Response, body?: Uint8Array): string[] {
  const options = { method: "GET", authorizer: true, contentLength: body?.length ?? 0, body };
  const head = responseHead(response, options);
  assert(typeof head === "string" && head.endsWith("\r\n\r\n"));
  return head.slice(0, -4).split("\r\n");
}

describe("isGrant", () => {
  it("is true for 200 alone", () => {
    assert(isGrant(200));
    for (const status of [201, 202, 204, 206, 302, 304, 401, 403, 500]) assert(!isGrant(status));
  });
});

describe("authorizerHeaderName", () => {
  it("makes the name of a variable one that CGI has", () => {
    assertEquals(authorizerHeaderName("Variable-Remote-User", 200), "Variable-REMOTE_USER");
    assertEquals(authorizerHeaderName("Variable-Auth_method", 200), "Variable-AUTH_METHOD");
    assertEquals(authorizerHeaderName("Variable", 200), "Variable");
    assertEquals(authorizerHeaderName("X-Variable-A", 200), "X-Variable-A");
  });

  it("keeps variables for those who are let through", () => {
    for (const status of [204, 302, 401, 403, 500]) {
      assertEquals(authorizerHeaderName("Variable-User", status), null);
    }
  });

  it("says nothing of the body of a grant, and all of that of a refusal", () => {
    const names = ["content-type", "content-encoding", "content-language", "etag", "last-modified"];
    const headers = Object.fromEntries(names.map((name) => [name, "x"]));
    assertEquals(linesOf(new Response(null, { headers })), ["Status: 200 OK"]);
    const refusal = linesOf(new Response(null, { status: 403, headers }));
    assertEquals(refusal.length, names.length + 2);
  });

  it("leaves the other headers to the web server", () => {
    const headers = { "set-cookie": "a=1", "content-security-policy": "sandbox" };
    assertEquals(linesOf(new Response(null, { headers })).sort(), [
      "Content-Security-Policy: sandbox",
      "Set-Cookie: a=1",
      "Status: 200 OK",
    ]);
  });
});

describe("responseHead: an authorizer's", () => {
  it("refusal begins with its Status: lighttpd drops what stands before it", () => {
    const headers = { "www-authenticate": 'Basic realm="x"', location: "/login" };
    for (const status of [401, 302, 500, 204, 299]) {
      const lines = linesOf(new Response(null, { status, headers }));
      assertEquals(lines.map((line) => line.split(":")[0]).slice(0, 3), [
        "Status",
        "Location",
        "Www-Authenticate",
      ]);
      assertEquals(lines[0]!.slice(0, 11), `Status: ${status}`);
      assertEquals(lines.filter((line) => line.startsWith("Status")).length, 1);
    }
  });

  it("refusal without a header is its Status", () => {
    const head = responseHead(new Response(null, { status: 204 }), {
      method: "GET",
      authorizer: true,
    });
    assertEquals(head, "Status: 204 No Content\r\n\r\n");
  });

  it("grant has no type, not even one that the runtime hides", () => {
    const text = new TextEncoder().encode("text");
    assertEquals(linesOf(new Response("text"), text), ["Status: 200 OK"]);
    assertEquals(
      linesOf(new Response("text", { status: 403 }), text).filter((line) =>
        /^Content-Type: text\/plain;charset=UTF-8$/i.test(line)
      ).length,
      1,
    );
  });

  it("grant has no body, a refusal has", () => {
    assert(!responseAllowsBody("GET", 200, true));
    assert(responseAllowsBody("GET", 200, false));
    assert(responseAllowsBody("GET", 403, true));
    assert(!responseAllowsBody("HEAD", 403, true));
  });
});
