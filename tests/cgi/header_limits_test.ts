import { assert, assertEquals, assertMatch } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import {
  APACHE_LINE_LIMIT,
  headerLimitWarning,
  NGINX_HEADER_LIMIT,
} from "../../src/cgi/header_limits.ts";

const END = "Status: 200 OK\r\n\r\n";

function blockOf(size: number): string {
  return `X: ${"a".repeat(size - END.length - 5)}\r\n${END}`;
}

describe("headerLimitWarning", () => {
  it("says nothing up to what stock nginx takes", () => {
    assertEquals(headerLimitWarning(END), null);
    assertEquals(blockOf(NGINX_HEADER_LIMIT).length, NGINX_HEADER_LIMIT);
    assertEquals(headerLimitWarning(blockOf(NGINX_HEADER_LIMIT)), null);
  });

  it("names size, limit and remedy beyond that", () => {
    const warning = headerLimitWarning(blockOf(NGINX_HEADER_LIMIT + 1));
    assert(warning !== null);
    assertMatch(warning, /4088 bytes, limit 4087 .*fastcgi_buffer_size/);
  });

  it("names Apache's limit for a line that is longer", () => {
    const line = "X: " + "a".repeat(APACHE_LINE_LIMIT - 3);
    assertMatch(headerLimitWarning(`${line}\r\n${END}`) ?? "", /nginx/);
    assertMatch(
      headerLimitWarning(`A: b\r\n${line}a\r\n${END}`) ?? "",
      /Apache .*8190 bytes, limit 8189/,
    );
  });
});
