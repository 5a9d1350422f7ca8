import { assertEquals } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import {
  decodeLatin1,
  decodePortably,
  encodeLatin1,
  encodeLatin1Into,
  encodePortably,
} from "../../src/cgi/latin1.ts";

const BYTES = Uint8Array.from({ length: 256 }, (_, i) => i);
const TEXT = String.fromCharCode(...BYTES);

describe("decodeLatin1", () => {
  it("makes code unit n of byte n, for all 256", () => {
    assertEquals(decodeLatin1(BYTES), TEXT);
    assertEquals(decodePortably(BYTES, 0, 256), TEXT);
  });

  it("decodes 0x80 to 0x9F as they are, not as windows-1252", () => {
    assertEquals(decodeLatin1(Uint8Array.of(0x80, 0x93, 0x9f)), "\x80\x93\x9f");
  });

  it("takes a part, and a view into a larger buffer", () => {
    assertEquals(decodeLatin1(BYTES, 65, 68), "ABC");
    assertEquals(decodeLatin1(BYTES, 254), "\xfe\xff");
    assertEquals(decodeLatin1(BYTES.subarray(65), 1, 3), "BC");
    assertEquals(decodePortably(BYTES.subarray(65), 1, 3), "BC");
  });

  it("gives the empty string for no bytes", () => {
    assertEquals(decodeLatin1(new Uint8Array(0)), "");
    assertEquals(decodeLatin1(BYTES, 7, 7), "");
    assertEquals(decodePortably(BYTES, 7, 7), "");
  });

  it("decodes more than any engine takes as arguments of one call", () => {
    const long = new Uint8Array(300_000).fill(0xe4);
    assertEquals(decodeLatin1(long), "ä".repeat(300_000));
    assertEquals(decodePortably(long, 0, long.length), "ä".repeat(300_000));
  });
});

describe("encodeLatin1Into", () => {
  it("is the inverse of decodeLatin1, at an offset", () => {
    const target = new Uint8Array(260);
    assertEquals(encodeLatin1Into(TEXT, target, 2), 256);
    assertEquals(target.subarray(2, 258), BYTES);
    assertEquals([...target.subarray(0, 2), ...target.subarray(258)], [0, 0, 0, 0]);
  });

  it("never makes a control byte of a character that is no byte", () => {
    // Cut to their low bytes these are LF, CR, NUL, and a pair that would be CR LF.
    for (const wide of ["\u010a", "\u010d", "\u0100", "\u0a0d\u0d0a", "\u{1000a}"]) {
      const target = new Uint8Array(8).fill(1);
      const written = encodeLatin1Into(`a${wide}b`, target, 0);
      assertEquals(written, wide.length + 2);
      assertEquals(decodeLatin1(target, 0, written), `a${"?".repeat(wide.length)}b`);
    }
  });

  it("writes what fits, and tells how much", () => {
    const target = new Uint8Array(4);
    assertEquals(encodeLatin1Into("abcdef", target, 1), 3);
    assertEquals(decodeLatin1(target), "\0abc");
    assertEquals(encodeLatin1Into("äöü", target, 2), 2);
    assertEquals(decodeLatin1(target), "\0aäö");
    assertEquals(encodeLatin1Into("x", target, 4), 0);
    assertEquals(encodeLatin1Into("", target, 0), 0);
  });

  it("leaves what lies behind its text alone", () => {
    const target = new Uint8Array(8).fill(7);
    assertEquals(encodeLatin1Into("ä", target, 3), 1);
    assertEquals([...target], [7, 7, 7, 0xe4, 7, 7, 7, 7]);
  });

  it("writes into a view of a larger buffer", () => {
    const whole = new Uint8Array(8);
    assertEquals(encodeLatin1Into("ab", whole.subarray(4), 1), 2);
    assertEquals(decodeLatin1(whole), "\0\0\0\0\0ab\0");
  });

  it("does the same without the runtime's help", () => {
    const target = new Uint8Array(260);
    assertEquals(encodePortably(`${TEXT}\u010a`, target, 1, 257), 257);
    assertEquals(target.subarray(1, 257), BYTES);
    assertEquals(target[257], 0x3f);
  });
});

describe("encodeLatin1", () => {
  it("gives as many bytes as code units", () => {
    assertEquals(encodeLatin1(TEXT), BYTES);
    assertEquals([...encodeLatin1("a€\u010a")], [0x61, 0x3f, 0x3f]);
    assertEquals(encodeLatin1("").length, 0);
  });
});
