import { assert, assertEquals } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { impliedContentType, looksLikeText } from "../../src/cgi/implied_type.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const showsType = new Response("text").headers.has("content-type");

describe("looksLikeText", () => {
  it("is true for UTF-8 with the control characters that text has", () => {
    for (const text of ["x", "Grüße €\u{1f600}", "a\tb\r\nc\f\x1b[0m", "\ufeffx", ""]) {
      assert(looksLikeText(bytes(text)), text);
    }
  });

  it("is false for binary data and for what is no UTF-8", () => {
    for (const byte of [0x00, 0x08, 0x0b, 0x0e, 0x1a, 0x1c, 0x1f, 0x80, 0xc3, 0xff]) {
      assert(!looksLikeText(Uint8Array.of(0x61, byte)), `${byte}`);
    }
    assert(!looksLikeText(Uint8Array.of(0x89, 0x50, 0x4e, 0x47)));
  });

  it("looks at the start only, and forgives a character cut there", () => {
    const cut = bytes("a".repeat(1444) + "€" + "a");
    assert(looksLikeText(cut));
    const late = new Uint8Array(2000).fill(0x61);
    late[1500] = 0;
    assert(looksLikeText(late));
    late[1444] = 0;
    assert(!looksLikeText(late));
    assert(!looksLikeText(bytes("€").subarray(0, 2)));
  });
});

describe("impliedContentType", () => {
  it("is what the runtime's own Response shows for a string", () => {
    assertEquals(impliedContentType(bytes("x")), showsType ? null : "text/plain;charset=UTF-8");
  });

  it("is none for bytes and for an empty body", () => {
    assertEquals(impliedContentType(Uint8Array.of(0xff, 0xd8)), null);
    assertEquals(impliedContentType(new Uint8Array(0)), null);
  });
});
