import { assert, assertEquals } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { isToken, requestHeaderName, responseHeaderName } from "../../src/cgi/header_name.ts";

describe("isToken", () => {
  it("takes the characters of RFC 9110 and no others", () => {
    const allowed = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    for (let unit = 0; unit < 0x120; unit++) {
      const character = String.fromCharCode(unit);
      assertEquals(isToken(character), allowed.includes(character), `U+${unit.toString(16)}`);
    }
    assert(!isToken(""));
    assert(!isToken("GET\n"));
  });
});

describe("requestHeaderName", () => {
  it("is the header in lower case, the same each time", () => {
    for (let i = 0; i < 2; i++) {
      assertEquals(requestHeaderName("HTTP_ACCEPT_ENCODING"), "accept-encoding");
      assertEquals(requestHeaderName("HTTP_X.FOO"), "x.foo");
      assertEquals(requestHeaderName("HTTP_CONNECTION"), null);
      assertEquals(requestHeaderName("HTTP_PROXY"), null);
      assertEquals(requestHeaderName("HTTP_EXPECT"), null);
      assertEquals(requestHeaderName("HTTP_EXPECT_CT"), "expect-ct");
      assertEquals(requestHeaderName("HTTP_"), null);
      assertEquals(requestHeaderName("HTTP_CONTENT_TYPE"), null);
      assertEquals(requestHeaderName("HTTP_CONTENT-TYPE"), null);
      assertEquals(requestHeaderName("HTTP_content_type"), null);
    }
  });

  it("reads a name where it stands in a longer text", () => {
    const text = "xHTTP_ACCEPTHTTP_ACCEPT_LANGUAGEHTTP_UPGRADE";
    for (let i = 0; i < 2; i++) {
      assertEquals(requestHeaderName(text, 1, 12), "accept");
      assertEquals(requestHeaderName(text, 12, 32), "accept-language");
      assertEquals(requestHeaderName(text, 32), null);
    }
  });

  it("keeps its memory bounded, and its answers right when it starts over", () => {
    for (let i = 0; i < 2000; i++) assertEquals(requestHeaderName(`HTTP_X_${i}`), `x-${i}`);
    assertEquals(requestHeaderName("HTTP_CONNECTION"), null);
    assertEquals(requestHeaderName("HTTP_HOST"), "host");
  });
});

describe("responseHeaderName", () => {
  it("is the header as HTTP/1 spells it, the same each time", () => {
    for (let i = 0; i < 2; i++) {
      assertEquals(responseHeaderName("content-type"), "Content-Type");
      assertEquals(responseHeaderName("x-1a-b_c"), "X-1a-B_c");
      assertEquals(responseHeaderName("SET-COOKIE"), "Set-Cookie");
      assertEquals(responseHeaderName("transfer-encoding"), null);
      assertEquals(responseHeaderName("Transfer-Encoding"), null);
      assertEquals(responseHeaderName("status"), null);
      assertEquals(responseHeaderName("STATUS"), null);
      assertEquals(responseHeaderName(""), null);
    }
  });
});
