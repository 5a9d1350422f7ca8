import { assertEquals, assertThrows } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import {
  assertBytes,
  bytes,
  everySplit,
  latin1,
  pattern,
  Random,
  utf8AsLatin1,
} from "../_bytes.ts";
import { parsePairs, randomPairs, randomStream, rawPairs } from "../_records.ts";
import {
  decodeNameValues,
  encodeNameValues,
  FastCgiError,
  forEachNameValue,
  type NameOrValue,
  RecordType,
} from "../../src/protocol/mod.ts";
import { ContentBuffer } from "../../src/protocol/content_buffer.ts";
import { RecordDecoder } from "../../src/protocol/record_decoder.ts";

/** Decoded pairs as Latin-1 text. */
function decoded(content: Uint8Array): [string, string][] {
  return decodeNameValues(content).map(([name, value]) => [latin1(name), latin1(value)]);
}

/** Text of a length that tells where it was cut. */
function text(length: number): string {
  return latin1(pattern(length));
}

/** Fails unless the content is refused as malformed; returns the pairs seen before that. */
function assertMalformed(content: Uint8Array): string[] {
  const seen: string[] = [];
  const error = assertThrows(
    () =>
      forEachNameValue(content, (nameStart, valueStart) => {
        seen.push(latin1(content.subarray(nameStart, valueStart)));
      }),
    FastCgiError,
  );
  assertEquals([error.code, error.fault], ["bad_name_value", "peer"]);
  return seen;
}

describe("encodeNameValues", () => {
  it("writes the bytes of section 3.4", () => {
    assertBytes(
      encodeNameValues([["SERVER_PORT", "80"], ["SERVER_ADDR", "199.170.183.42"]]),
      bytes([11, 2], "SERVER_PORT80", [11, 14], "SERVER_ADDR199.170.183.42"),
    );
  });

  it("writes lengths up to 127 in one byte, and longer ones in four", () => {
    for (const length of [0, 127, 128, 1000, 65535]) {
      const encoded = encodeNameValues([["n", text(length)]]);
      const expected = length < 128 ? [1, length] : [1, 0x80, 0, length >> 8, length & 0xff];
      assertEquals([...encoded.subarray(0, expected.length)], expected);
      assertBytes(encoded, rawPairs([["n", text(length)]]));
      assertBytes(encodeNameValues([[text(length), ""]]), rawPairs([[text(length), ""]]));
    }
  });

  it("writes all four bytes of a large length", () => {
    const encoded = encodeNameValues([["n", new Uint8Array(0x1020304)]]);
    assertEquals([...encoded.subarray(0, 6)], [1, 0x81, 2, 3, 4, 0x6e]);
    assertEquals(encoded.length, 6 + 0x1020304);
  });

  it("takes bytes and text alike, in any iterable", () => {
    const pairs = new Map<NameOrValue, NameOrValue>([
      [bytes("NAME"), "a\xff"],
      ["OTHER", bytes([0, 128, 255])],
    ]);
    assertBytes(
      encodeNameValues(pairs),
      bytes([4, 2], "NAMEa\xff", [5, 3], "OTHER", [0, 128, 255]),
    );
  });

  it("keeps repeated names, empty ones and the order", () => {
    const pairs: [string, string][] = [["A", "1"], ["", ""], ["A", "2"], ["", "x"]];
    assertEquals(decoded(encodeNameValues(pairs)), pairs);
  });

  it("writes nothing for no pairs", () => {
    assertEquals(encodeNameValues([]).length, 0);
  });

  it("refuses text that is no bytes", () => {
    assertThrows(() => encodeNameValues([["n", "\u0100"]]), RangeError, "U+100");
    assertThrows(() => encodeNameValues([["€", ""]]), RangeError);
  });

  it("is read back by the reference decoder whatever it holds", () => {
    const random = new Random(4);
    for (let round = 0; round < 200; round++) {
      const pairs = randomPairs(random);
      assertEquals(parsePairs(encodeNameValues(pairs)), pairs);
    }
  });
});

describe("decodeNameValues", () => {
  it("reads what was encoded, at every critical length", () => {
    for (const nameLength of [0, 127, 128, 1000, 65535]) {
      for (const valueLength of [0, 127, 128, 1000, 65535]) {
        const pairs: [string, string][] = [[text(nameLength), text(valueLength)], ["z", "end"]];
        assertEquals(decoded(encodeNameValues(pairs)), pairs);
      }
    }
  });

  it("reads all four bytes of a large length", () => {
    const [big, huge] = [0x10203, 33_554_431].map((length) => new Uint8Array(length).fill(0xff));
    const pairs = [[big, "value"], ["name", big], [huge, ""], ["", huge]] as const;
    const sizes = decodeNameValues(encodeNameValues(pairs)).map((pair) =>
      pair.map((b) => b.length)
    );
    assertEquals(sizes, [[0x10203, 5], [4, 0x10203], [33_554_431, 0], [0, 33_554_431]]);
  });

  it("reads short lengths in four bytes", () => {
    const pairs: [string, string][] = [["NAME", "value"], ["", ""]];
    assertEquals(decoded(rawPairs(pairs, true)), pairs);
  });

  it("reads random pairs", () => {
    const random = new Random(5);
    for (let round = 0; round < 200; round++) {
      const pairs = randomPairs(random);
      assertEquals(decoded(rawPairs(pairs, random.below(2) === 0)), pairs);
    }
  });

  it("reads random pairs out of streams cut at random record borders", () => {
    const random = new Random(6);
    for (let round = 0; round < 100; round++) {
      const pairs = randomPairs(random);
      const decoder = new RecordDecoder();
      const content = new ContentBuffer();
      for (const encoded of randomStream(RecordType.PARAMS, 1, rawPairs(pairs), random)) {
        decoder.push(encoded);
        content.append(decoder.next()!.content);
      }
      assertEquals(decoded(content.bytes()), pairs);
    }
  });

  it("keeps names that mean something to objects", () => {
    const pairs: [string, string][] = [["constructor", "1"], ["__proto__", "2"], ["toString", ""]];
    assertEquals(decoded(rawPairs(pairs)), pairs);
  });

  it("keeps bytes that are no ASCII", () => {
    const pairs: [string, string][] = [[utf8AsLatin1("Name €"), "\x00\x80\x9f\xff\r\n"]];
    assertEquals(decoded(rawPairs(pairs)), pairs);
  });

  it("reads nothing out of nothing", () => {
    assertEquals(decodeNameValues(new Uint8Array(0)), []);
  });
});

describe("forEachNameValue", () => {
  it("tells where names and values lie", () => {
    const seen: number[][] = [];
    forEachNameValue(
      rawPairs([["ab", "c"], ["", text(128)]]),
      (...offsets) => seen.push(offsets),
    );
    assertEquals(seen, [[2, 4, 5], [10, 10, 138]]);
  });

  it("refuses a pair cut at any position, after the pairs before it", () => {
    const first = rawPairs([["FIRST", "1"]]);
    const second = rawPairs([["n".repeat(130), "v".repeat(200)]]);
    for (const [part] of everySplit(second)) {
      if (part.length === 0 || part.length === second.length) continue;
      assertEquals(assertMalformed(bytes(first, part)), ["FIRST"]);
    }
  });

  it("refuses lengths that cannot be satisfied, without the memory they ask for", () => {
    const claims = [
      [0xff, 0xff, 0xff, 0xff],
      [0x80, 0x01, 0, 0],
      [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
      [0x80, 0, 0, 1, 0xff, 0xff, 0xff, 0xfe, 0x61],
      [1, 0xff, 0xff, 0xff, 0xff, 0x61],
      // The sum of both is 2^32 + 8, which overflows to something harmless in 32 bits
      // (CVE-2025-23016).
      [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x61, 0x61, 0x61, 0x61],
    ];
    const started = performance.now();
    for (let round = 0; round < 1000; round++) {
      for (const claim of claims) assertMalformed(bytes(claim));
    }
    // Six thousand times 2 GiB would take minutes, if it could be had at all.
    assertEquals(performance.now() - started < 5000, true);
  });

  it("refuses a name length that stands alone", () => {
    assertMalformed(bytes([0]));
    assertMalformed(bytes([5]));
    assertMalformed(bytes([0x80, 0, 0, 0]));
  });
});
