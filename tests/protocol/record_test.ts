import { assertEquals, assertNotEquals, assertThrows } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { assertBytes, bytes, concat, pattern, Random } from "../_bytes.ts";
import { parseRecords, randomRecord } from "../_records.ts";
import {
  encodeRecord,
  encodeStream,
  FCGI_MAX_CONTENT_LEN,
  RecordType,
} from "../../src/protocol/mod.ts";
import {
  EMPTY_CONTENT,
  INVALID_RECORD,
  paddingLength,
  recordSize,
  STREAM_CONTENT_LEN,
  streamSize,
  writeRecord,
  writeRecordHeader,
  writeStream,
} from "../../src/protocol/record.ts";

/** Lengths at which a record's size or number changes. */
const LENGTHS = [0, 1, 7, 8, 9, 127, 128, 1000, 65527, 65528, 65529, 65535];

describe("encodeRecord", () => {
  it("writes the header of section 3.3, the content, and zeroes up to 8 bytes", () => {
    assertBytes(
      encodeRecord(RecordType.STDOUT, 1, bytes("Hello")),
      bytes([1, 6, 0, 1, 0, 5, 3, 0], "Hello", [0, 0, 0]),
    );
  });

  it("writes a record without content as its header alone", () => {
    assertBytes(encodeRecord(RecordType.PARAMS, 1), bytes([1, 4, 0, 1, 0, 0, 0, 0]));
  });

  it("writes ids and lengths with the high byte first", () => {
    const encoded = encodeRecord(RecordType.STDIN, 0x1234, pattern(0x0102));
    assertEquals([...encoded.subarray(0, 8)], [1, 5, 0x12, 0x34, 1, 2, 6, 0]);
  });

  it("aligns every length to 8 bytes", () => {
    for (const length of LENGTHS) {
      const encoded = encodeRecord(RecordType.STDOUT, 65535, pattern(length));
      const [record] = parseRecords(encoded);
      assertEquals([encoded.length % 8, record.id, record.padding], [0, 65535, -length & 7]);
      assertBytes(record.content, pattern(length));
    }
  });

  it("is read back by the reference decoder whatever it holds", () => {
    const random = new Random(1);
    for (let i = 0; i < 200; i++) {
      const record = { ...randomRecord(random), padding: 0 };
      const [read] = parseRecords(encodeRecord(record.type, record.id, record.content));
      assertEquals([read.version, read.type, read.id], [1, record.type, record.id]);
      assertBytes(read.content, record.content);
    }
  });

  it("gives fresh bytes each time", () => {
    const content = bytes("content!");
    const [first, second] = [1, 1].map((id) => encodeRecord(RecordType.STDOUT, id, content));
    assertNotEquals(first.buffer, content.buffer);
    first.fill(0);
    assertBytes(second.subarray(8), bytes("content!"));
    assertBytes(content, bytes("content!"));
  });

  it("refuses content of more than 65535 bytes", () => {
    assertThrows(
      () => encodeRecord(RecordType.STDOUT, 1, new Uint8Array(65536)),
      RangeError,
      "65536",
    );
  });

  it("refuses an id or a type that does not fit its field", () => {
    const wrong = [[6, -1], [6, 65536], [6, NaN], [-1, 1], [256, 1], [NaN, 1]];
    for (const [type, id] of wrong) assertThrows(() => encodeRecord(type, id), RangeError);
  });
});

describe("INVALID_RECORD", () => {
  it("is eight zero bytes", () => {
    assertBytes(INVALID_RECORD, new Uint8Array(8));
  });
});

describe("paddingLength", () => {
  it("is what is missing to a multiple of 8", () => {
    for (let length = 0; length < 100; length++) {
      const padding = paddingLength(length);
      assertEquals([(length + padding) % 8, padding >= 0 && padding < 8], [0, true]);
    }
  });
});

describe("recordSize", () => {
  it("is the length of the encoded record", () => {
    for (const length of LENGTHS) {
      assertEquals(recordSize(length), encodeRecord(6, 1, new Uint8Array(length)).length);
    }
  });
});

describe("encodeStream", () => {
  it("cuts 66000 bytes into two records and closes the stream", () => {
    const encoded = encodeStream(RecordType.STDOUT, 1, pattern(66000));
    const records = parseRecords(encoded);
    assertEquals(records.map(({ type, id, padding }) => [type, id, padding]), [
      [6, 1, 0],
      [6, 1, 0],
      [6, 1, 0],
    ]);
    assertEquals(records.map(({ content }) => content.length), [65528, 472, 0]);
    assertBytes(concat(records.map(({ content }) => content)), pattern(66000));
  });

  it("keeps content of any length whole", () => {
    for (const length of [...LENGTHS, 131056, 131057, 200_000]) {
      const encoded = encodeStream(RecordType.STDIN, 7, pattern(length));
      const records = parseRecords(encoded);
      assertEquals(records.at(-1)?.content.length, 0);
      assertEquals(records.slice(0, -1).some(({ content }) => content.length === 0), false);
      assertBytes(concat(records.map(({ content }) => content)), pattern(length));
      assertEquals(encoded.length, streamSize(length) + 8);
    }
  });

  it("is the closing record alone where there is no content", () => {
    assertBytes(encodeStream(RecordType.STDIN, 1, EMPTY_CONTENT), bytes([1, 5, 0, 1, 0, 0, 0, 0]));
  });
});

describe("STREAM_CONTENT_LEN", () => {
  it("is the most that one record takes without padding", () => {
    assertEquals(STREAM_CONTENT_LEN, FCGI_MAX_CONTENT_LEN - 7);
    assertEquals(paddingLength(STREAM_CONTENT_LEN), 0);
  });
});

describe("writeRecord", () => {
  it("writes at an offset and returns the offset behind the padding", () => {
    const target = new Uint8Array(40);
    const end = writeRecord(target, 8, RecordType.STDERR, 2, bytes("abc"));
    assertEquals(end, 24);
    assertBytes(
      target,
      bytes(new Uint8Array(8), [1, 7, 0, 2, 0, 3, 5, 0], "abc", new Uint8Array(21)),
    );
  });
});

describe("writeRecordHeader", () => {
  it("returns the offset of the content", () => {
    const target = new Uint8Array(16);
    assertEquals(writeRecordHeader(target, 8, RecordType.DATA, 258, 65535), 16);
    assertBytes(target.subarray(8), bytes([1, 8, 1, 2, 255, 255, 1, 0]));
  });
});

describe("writeStream", () => {
  it("writes content without the closing record", () => {
    const target = new Uint8Array(streamSize(66000));
    assertEquals(writeStream(target, 0, RecordType.STDOUT, 1, pattern(66000)), target.length);
    assertBytes(
      concat([target, encodeRecord(RecordType.STDOUT, 1)]),
      encodeStream(RecordType.STDOUT, 1, pattern(66000)),
    );
  });

  it("writes nothing for no content", () => {
    assertEquals(writeStream(new Uint8Array(0), 0, RecordType.STDOUT, 1, EMPTY_CONTENT), 0);
  });
});
