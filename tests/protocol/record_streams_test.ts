import { assertEquals, assertRejects } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { assertBytes, bytes, chunksOf, concat, Random, randomChunks } from "../_bytes.ts";
import { parseRecords, randomRecord, rawRecord } from "../_records.ts";
import { FastCgiError, RecordDecoderStream } from "../../src/protocol/mod.ts";
import { type FastCgiRecord } from "../../src/protocol/record.ts";
import { RecordEncoderStream } from "../../src/protocol/record_streams.ts";

/** A stream of these values. */
function streamOf<T>(values: Iterable<T>): ReadableStream<T> {
  const iterator = values[Symbol.iterator]();
  return new ReadableStream<T>({
    pull(controller) {
      const { done, value } = iterator.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
  });
}

/** Everything a stream gives. */
async function collect<T>(stream: ReadableStream<T>): Promise<T[]> {
  const values: T[] = [];
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return values;
    values.push(value);
  }
}

function decodeStream(chunks: Iterable<Uint8Array>): Promise<FastCgiRecord[]> {
  return collect(streamOf(chunks).pipeThrough(new RecordDecoderStream()));
}

function encodeStreamOf(records: Iterable<FastCgiRecord>): Promise<Uint8Array[]> {
  return collect(streamOf(records).pipeThrough(new RecordEncoderStream()));
}

const RECORDS = concat([
  rawRecord({ type: 1, content: "begin..." }),
  rawRecord({ type: 4, id: 2, padding: 3 }),
  rawRecord({ type: 5, content: "abc", padding: 255 }),
]);

describe("RecordDecoderStream", () => {
  it("makes records of chunks of any size", async () => {
    for (const size of [1, 2, 9, 1000]) {
      const records = await decodeStream(chunksOf(RECORDS, size));
      assertEquals(records.map(({ type, requestId }) => [type, requestId]), [
        [1, 1],
        [4, 2],
        [5, 1],
      ]);
      assertBytes(records[2].content, bytes("abc"));
    }
  });

  it("ends without a record where there are no bytes", async () => {
    assertEquals(await decodeStream([]), []);
  });

  it("fails on a bad version", async () => {
    const error = await assertRejects(
      () => decodeStream([RECORDS, rawRecord({ version: 2, type: 1 })]),
      FastCgiError,
    );
    assertEquals(error.code, "bad_version");
  });

  it("fails when the bytes end inside a record, wherever that is", async () => {
    for (let length = 1; length < RECORDS.length; length++) {
      if ([16, 27].includes(length)) continue;
      const error = await assertRejects(
        () => decodeStream([RECORDS.slice(0, length)]),
        FastCgiError,
      );
      assertEquals([error.code, error.connectionSurvives], ["truncated", false]);
    }
  });
});

describe("RecordEncoderStream", () => {
  it("makes one chunk of each record", async () => {
    const chunks = await encodeStreamOf([
      { type: 6, requestId: 1, content: bytes("Hello") },
      { type: 6, requestId: 1, content: bytes("") },
    ]);
    assertEquals(chunks.length, 2);
    assertBytes(chunks[0], bytes([1, 6, 0, 1, 0, 5, 3, 0], "Hello", [0, 0, 0]));
    assertBytes(chunks[1], bytes([1, 6, 0, 1, 0, 0, 0, 0]));
  });

  it("fails on a record that cannot be encoded", async () => {
    await assertRejects(
      () => encodeStreamOf([{ type: 6, requestId: 65536, content: bytes("") }]),
      RangeError,
    );
    await assertRejects(
      () => encodeStreamOf([{ type: 6, requestId: 1, content: new Uint8Array(65536) }]),
      RangeError,
    );
  });

  it("is undone by the decoder", async () => {
    const random = new Random(7);
    const records = Array.from({ length: 40 }, () => randomRecord(random))
      .map(({ type, id, content }) => ({ type, requestId: id, content }));
    const encoded = concat(await encodeStreamOf(records));
    assertEquals(parseRecords(encoded).length, records.length);
    const decoded = await decodeStream(randomChunks(encoded, random, 3000));
    decoded.forEach((record, i) => {
      assertEquals([record.type, record.requestId], [records[i].type, records[i].requestId]);
      assertBytes(record.content, records[i].content);
    });
    assertEquals(decoded.length, records.length);
  });
});
