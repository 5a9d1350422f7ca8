import { assert, assertEquals, assertMatch, assertStrictEquals, assertThrows } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import {
  assertBytes,
  bytes,
  chunksOf,
  concat,
  everySplit,
  pattern,
  Random,
  randomChunks,
} from "../_bytes.ts";
import { parseRecords, randomRecord, rawRecord } from "../_records.ts";
import { FastCgiError } from "../../src/protocol/mod.ts";
import { type FastCgiRecord } from "../../src/protocol/record.ts";
import { RecordDecoder } from "../../src/protocol/record_decoder.ts";

/** What a decoder makes of chunks. */
function decode(chunks: Iterable<Uint8Array>, decoder = new RecordDecoder()): FastCgiRecord[] {
  const records: FastCgiRecord[] = [];
  for (const chunk of chunks) {
    decoder.push(chunk);
    for (let record = decoder.next(); record !== undefined; record = decoder.next()) {
      records.push(record);
    }
  }
  return records;
}

/** Fails unless the chunks give what the reference decoder reads from the whole. */
function assertDecodes(chunks: Iterable<Uint8Array>, whole: Uint8Array): void {
  const decoder = new RecordDecoder();
  const actual = decode(chunks, decoder);
  const expected = parseRecords(whole);
  assertEquals(actual.length, expected.length);
  expected.forEach((record, i) => {
    assertEquals([actual[i].type, actual[i].requestId], [record.type, record.id]);
    assertBytes(actual[i].content, record.content);
  });
  assertEquals(decoder.isPartial, false);
}

/** The types that the server has handed on in parts. */
const IN_PARTS = [5, 8];

/** The parts of a record, one after the other, together. */
function joinParts(records: readonly FastCgiRecord[], lengths: readonly number[]): FastCgiRecord[] {
  const rest = [...records];
  return lengths.map((length) => {
    const first = rest.shift()!;
    const parts = [first.content];
    for (let missing = length - first.content.length; missing > 0;) {
      const { type, requestId, content } = rest.shift()!;
      assertEquals([type, requestId], [first.type, first.requestId]);
      assert(IN_PARTS.includes(type) && content.length > 0, "It is whole, or no part is empty");
      parts.push(content);
      missing -= content.length;
    }
    return { ...first, content: concat(parts) };
  });
}

/** Records of which those in parts that follow each other, of one type and request, are one. */
function merge(records: readonly FastCgiRecord[]): FastCgiRecord[] {
  const merged: FastCgiRecord[] = [];
  for (const record of records) {
    const last = merged.at(-1);
    const isNext = last !== undefined && IN_PARTS.includes(record.type) &&
      last.type === record.type && last.requestId === record.requestId &&
      last.content.length > 0 && record.content.length > 0;
    if (isNext) merged.pop();
    const parts = isNext ? [last.content, record.content] : [record.content];
    merged.push({ ...record, content: concat(parts) });
  }
  return merged;
}

/** A request as a web server sends it, with odd padding. */
const REQUEST = concat([
  rawRecord({ type: 1, content: bytes([0, 1, 1, 0, 0, 0, 0, 0]) }),
  rawRecord({ type: 4, content: "\x01\x01ab\x0e\x03REQUEST_METHODGET", padding: 1 }),
  rawRecord({ type: 4 }),
  rawRecord({ type: 5, content: "body", padding: 4, reserved: 255 }),
  rawRecord({ type: 9, id: 0, padding: 9 }),
  rawRecord({ type: 5 }),
]);

describe("RecordDecoder", () => {
  it("reads the bytes of the specification", () => {
    const [record, ...rest] = decode([
      bytes([1, 6, 1, 2, 0, 5, 3, 0], "Hello", [9, 9, 9]),
    ]);
    assertEquals([record.type, record.requestId, rest.length], [6, 0x0102, 0]);
    assertBytes(record.content, bytes("Hello"));
  });

  it("reads a request whole", () => {
    assertDecodes([REQUEST], REQUEST);
  });

  it("reads a request byte by byte", () => {
    assertDecodes(chunksOf(REQUEST, 1), REQUEST);
  });

  it("reads a request cut in two at every position", () => {
    for (const chunks of everySplit(REQUEST)) assertDecodes(chunks, REQUEST);
  });

  it("reads a request cut in three at every pair of positions", () => {
    for (const [head, rest] of everySplit(REQUEST)) {
      for (const [middle, tail] of everySplit(rest)) assertDecodes([head, middle, tail], REQUEST);
    }
  });

  it("skips padding of every length from 0 to 255", () => {
    for (let padding = 0; padding < 256; padding++) {
      const encoded = concat([
        rawRecord({ type: 5, content: "abc", padding }),
        rawRecord({ type: 5, id: 2, padding }),
        rawRecord({ type: 6 }),
      ]);
      assertDecodes([encoded], encoded);
      assertDecodes(chunksOf(encoded, 7), encoded);
    }
  });

  it("reads content of critical lengths, cut around its borders", () => {
    for (const length of [0, 127, 128, 1000, 65535]) {
      const record = rawRecord({ type: 8, id: 65535, content: pattern(length), padding: 255 });
      const encoded = concat([record, record]);
      for (const cut of [1, 7, 8, 9, 8 + length, record.length - 1, record.length + 4]) {
        assertDecodes([encoded.slice(0, cut), encoded.slice(cut)], encoded);
      }
    }
  });

  it("reads random records however they are cut", () => {
    const random = new Random(2);
    for (let round = 0; round < 60; round++) {
      const encoded = concat(
        Array.from({ length: random.below(8) }, () => rawRecord(randomRecord(random))),
      );
      assertDecodes([encoded], encoded);
      assertDecodes(randomChunks(encoded, random, random.pick([3, 20, 5000, 100_000])), encoded);
    }
  });

  it("passes on types that nobody knows, 0 and 255 among them", () => {
    const encoded = concat([0, 12, 255].map((type) => rawRecord({ type, content: "?" })));
    assertEquals(decode(chunksOf(encoded, 5)).map(({ type }) => type), [0, 12, 255]);
  });

  it("hands out views of a chunk, without a copy", () => {
    const encoded = rawRecord({ type: 5, content: "view" });
    const [record] = decode([encoded]);
    assertStrictEquals(record.content.buffer, encoded.buffer);
  });

  it("reads chunks that are views into a larger buffer", () => {
    const buffer = concat([bytes("junk"), REQUEST, bytes("junk")]);
    assertDecodes([buffer.subarray(4, 4 + REQUEST.length)], REQUEST);
    const cut = 4 + 50;
    assertDecodes([buffer.subarray(4, cut), buffer.subarray(cut, 4 + REQUEST.length)], REQUEST);
  });

  it("does not need a chunk any more once its records have been taken", () => {
    const decoder = new RecordDecoder();
    const [head, tail] = [REQUEST.slice(0, 20), REQUEST.slice(20, 48)];
    decode([head], decoder);
    head.fill(0xff);
    const [record] = decode([tail], decoder);
    assertEquals([record.type, record.requestId], [4, 1]);
    assertBytes(record.content.subarray(0, 4), bytes([1, 1], "ab"));
  });

  it("takes empty chunks anywhere", () => {
    const chunks = chunksOf(REQUEST, 3).flatMap((chunk) => [new Uint8Array(0), chunk]);
    assertDecodes(chunks, REQUEST);
  });

  it("says whether the bytes so far end inside a record", () => {
    const decoder = new RecordDecoder();
    assertEquals(decoder.isPartial, false);
    const record = rawRecord({ type: 5, content: "abc", padding: 5 });
    for (const byte of chunksOf(record.subarray(0, record.length - 1), 1)) {
      decode([byte], decoder);
      assertEquals(decoder.isPartial, true);
    }
    assertEquals(decode([record.slice(-1)], decoder).length, 1);
    assertEquals(decoder.isPartial, false);
  });

  it("waits for the last byte of the padding", () => {
    const record = rawRecord({ type: 5, content: "abc", padding: 255 });
    assertEquals(decode([record.subarray(0, -1)]).length, 0);
    assertEquals(decode([record]).length, 1);
  });

  describe("of records in parts", () => {
    /** Records of which half may be handed on in parts, and some are empty. */
    const randomRecords = (random: Random) =>
      Array.from({ length: 1 + random.below(8) }, () => {
        const type = random.pick([...IN_PARTS, 4, random.below(256)]);
        return { ...randomRecord(random), type };
      });

    it("gives what it gives without parts, however they are cut", () => {
      const random = new Random(4);
      for (let round = 0; round < 100; round++) {
        const encoded = concat(randomRecords(random).map(rawRecord));
        const expected = decode([encoded]);
        const most = random.pick([1, 3, 20, 5000, 100_000]);
        const chunks = encoded.length > 5000 && most < 20
          ? [encoded]
          : randomChunks(encoded, random, most);
        const decoder = new RecordDecoder(IN_PARTS);
        const parts = decode(chunks, decoder);
        const joined = joinParts(parts, expected.map(({ content }) => content.length));
        assertEquals(joined.length, expected.length);
        expected.forEach(({ type, requestId, content }, i) => {
          assertEquals([joined[i].type, joined[i].requestId], [type, requestId]);
          assertBytes(joined[i].content, content);
        });
        assertEquals(decoder.isPartial, false);
      }
    });

    /** Records of few streams, so that many follow another of their own. */
    const neighbours = (random: Random) =>
      randomRecords(random).flatMap((record) => {
        const count = random.below(4);
        return Array.from({ length: count }, () => ({ ...record, padding: random.below(256) }));
      });

    it("gives those of a stream as one where they lie in one chunk that may be overwritten", () => {
      const random = new Random(7);
      let joined = 0;
      for (let round = 0; round < 200; round++) {
        const encoded = concat(neighbours(random).map(rawRecord));
        const records = decode([encoded]);
        const expected = merge(records);
        const offset = random.below(9);
        const chunk = concat([new Uint8Array(offset), encoded]).subarray(offset);
        const given = decode([chunk], new RecordDecoder(IN_PARTS, true));
        joined += records.length - given.length;
        assertEquals(given.length, expected.length);
        expected.forEach(({ type, requestId, content }, i) => {
          assertEquals([given[i].type, given[i].requestId], [type, requestId]);
          assertBytes(given[i].content, content);
        });
      }
      assert(joined > 100, `${joined} were joined`);
    });

    it("loses and moves nothing of them, however they are cut", () => {
      const random = new Random(8);
      for (let round = 0; round < 200; round++) {
        const encoded = concat(neighbours(random).map(rawRecord));
        const most = random.pick([1, 3, 20, 5000, 100_000]);
        const chunks = encoded.length > 5000 && most < 20
          ? [encoded.slice()]
          : Array.from(randomChunks(encoded, random, most), (chunk) => chunk.slice());
        const decoder = new RecordDecoder(IN_PARTS, true);
        const given = merge(decode(chunks, decoder));
        const expected = merge(decode([encoded]));
        assertEquals(given.length, expected.length);
        expected.forEach(({ type, requestId, content }, i) => {
          assertEquals([given[i].type, given[i].requestId], [type, requestId]);
          assertBytes(given[i].content, content);
        });
        assertEquals(decoder.isPartial, false);
      }
    });

    it("leaves a chunk as it is that may not be overwritten", () => {
      const random = new Random(9);
      for (let round = 0; round < 50; round++) {
        const chunk = concat(neighbours(random).map(rawRecord));
        const before = chunk.slice();
        decode([chunk], new RecordDecoder(IN_PARTS));
        assertBytes(chunk, before);
      }
    });

    it("says after each byte whether it is inside of one", () => {
      const random = new Random(5);
      for (let round = 0; round < 30; round++) {
        const records = randomRecords(random)
          .map((record) => ({ ...record, content: record.content.subarray(0, 300) }));
        const decoders = [new RecordDecoder(), new RecordDecoder(IN_PARTS)];
        for (const byte of chunksOf(concat(records.map(rawRecord)), 1)) {
          const [whole, inParts] = decoders.map((decoder) => {
            decode([byte.slice()], decoder);
            return decoder.isPartial;
          });
          assertEquals(inParts, whole);
        }
      }
    });

    it("gives the content of a record before its padding has come", () => {
      const decoder = new RecordDecoder(IN_PARTS);
      const record = rawRecord({ type: 5, content: "abc", padding: 9 });
      const next = rawRecord({ type: 5 });
      const given = (chunk: Uint8Array) => decode([chunk], decoder).map(({ content }) => content);
      assertEquals(given(record.slice(0, 8)), []);
      assertEquals(given(record.slice(8, 13)), [bytes("abc")]);
      assertEquals(given(record.slice(13, 14)), []);
      assertEquals(decoder.isPartial, true);
      assertEquals(given(concat([record.slice(14), next])), [bytes()]);
      assertEquals(decoder.isPartial, false);
    });

    it("refuses a bad version where it does without parts", () => {
      const random = new Random(6);
      for (let round = 0; round < 100; round++) {
        const good = concat(randomRecords(random).slice(0, 3).map(rawRecord));
        const encoded = concat([good, rawRecord({ version: 2 + random.below(250), type: 5 })]);
        const cut = random.below(encoded.length);
        const decoders = [
          new RecordDecoder(),
          new RecordDecoder(IN_PARTS),
          new RecordDecoder(IN_PARTS, true),
        ];
        const ends = decoders.map((decoder) => {
          let bytes = 0;
          let end = "";
          for (const chunk of [encoded.slice(0, cut), encoded.slice(cut)]) {
            decoder.push(chunk);
            try {
              for (let record = decoder.next(); record; record = decoder.next()) {
                bytes += record.content.length;
              }
            } catch (error) {
              end = `${error}`;
              break;
            }
          }
          return [bytes, end];
        });
        assertMatch(`${ends[0]![1]}`, /version/);
        assertEquals(ends, Array(3).fill(ends[0]));
      }
    });
  });

  it("says which other protocol somebody speaks, as soon as eight bytes are there", () => {
    const spoken: [bytes: string, message: RegExp][] = [
      [
        "GET / HTTP/1.1\r\n",
        /other end speaks HTTP, not FastCGI; put a web server, or serveGateway/,
      ],
      ["POST /x HTTP/1.1\r\n", /speaks HTTP/],
      ["HEAD / H", /speaks HTTP/],
      ["OPTIONS * HTTP/1.1\r\n", /speaks HTTP/],
      ["CONNECT x:1 HTTP/1.1\r\n", /speaks HTTP/],
      ["PROPFIND / HTTP/1.1\r\n", /speaks HTTP/],
      ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", /speaks HTTP/],
      ["HTTP/1.1 400 Bad Request\r\n", /answers in HTTP, not FastCGI/],
      ["\x16\x03\x01\x02\x00\x01\x00\x01", /speaks TLS, not FastCGI/],
      ["PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", /the PROXY protocol/],
      ["\r\n\r\n\0\r\nQUIT\n", /the PROXY protocol/],
      ["SSH-2.0-OpenSSH", /version 83, not 1/],
      ["get / http/1.1", /version 103, not 1/],
    ];
    for (const [text, message] of spoken) {
      for (const size of [1, 3, 8, 100]) {
        const chunks = chunksOf(bytes(text), size);
        const error = assertThrows(() => decode(chunks), FastCgiError);
        assertEquals([error.code, error.fault], ["bad_version", "peer"]);
        assertMatch(error.message, message);
      }
    }
  });

  it("refuses every version but 1 as soon as the header is there", () => {
    for (const version of [0, 2, 255]) {
      const header = rawRecord({ version, type: 1 });
      for (const chunks of [[header], chunksOf(header, 1)]) {
        const error = assertThrows(() => decode(chunks), FastCgiError, `${version}`);
        assertEquals([error.code, error.fault, error.connectionSurvives], [
          "bad_version",
          "peer",
          false,
        ]);
      }
    }
  });

  it("gives the records before a bad version first", () => {
    const decoder = new RecordDecoder();
    decoder.push(concat([rawRecord({ type: 5 }), rawRecord({ version: 9, type: 5 })]));
    assertEquals(decoder.next()?.type, 5);
    assertThrows(() => decoder.next(), FastCgiError);
  });

  it("decodes nothing after a bad version", () => {
    const decoder = new RecordDecoder();
    assertThrows(() => decode([rawRecord({ version: 0, type: 5 })], decoder), FastCgiError);
    assertThrows(() => decode([rawRecord({ type: 5 })], decoder));
  });

  it("refuses a chunk while records of the one before are to be taken", () => {
    const decoder = new RecordDecoder();
    decoder.push(REQUEST);
    assert(decoder.next() !== undefined);
    assertThrows(() => decoder.push(REQUEST), TypeError);
  });
});
