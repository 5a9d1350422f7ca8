/**
 * For any bytes under any chunking: the same records and pairs, or the same `FastCgiError` at the
 * same place, as the reference decoder gives, never another exception, and no buffer larger than
 * one record.
 *
 * @module
 */
import {
  answerGetValues,
  decodeBeginRequest,
  decodeEndRequest,
  decodeNameValues,
  decodeUnknownType,
  encodeNameValues,
  FastCgiError,
} from "../../src/protocol/mod.ts";
import { type FastCgiRecord } from "../../src/protocol/record.ts";
import { RecordDecoder } from "../../src/protocol/record_decoder.ts";
import { concat } from "../_bytes.ts";
import { fail } from "../_assert.ts";
import type { Target } from "./_fuzz.ts";
import { readPairs, readRecords, type ReferenceRecord } from "./_reference.ts";
import { FCGI_GET_VALUES, FCGI_PARAMS } from "./_specification.ts";
import { cut, damage, randomRequests, rawBytes } from "./_streams.ts";

/** The largest record there can be, in bytes: header, content, padding. */
const MAX_RECORD = 8 + 65535 + 255;

const VALUES = new Map([["FCGI_MAX_REQS", "100"], ["FCGI_MPXS_CONNS", "1"]]);

/** Records and pairs. */
export const decoderTarget: Target<Uint8Array> = {
  name: "decoder",
  invariant:
    "For any bytes under any chunking: the same records and pairs, or the same FastCgiError at the same place, as the " +
    "reference decoder gives, never another exception, and no buffer larger than one record",
  generate(random) {
    switch (random.below(8)) {
      case 0:
        return cut([random.bytes(random.below(120))], random);
      case 1: {
        const records = Array.from({ length: random.below(8) }, () => {
          const content = random.bytes(random.pick([0, 0, 1, 8, 127, 128, 300]));
          return rawBytes(random.below(13), random.below(4), content, random.pick([0, 7, 255]));
        });
        return cut(records, random);
      }
      default: {
        const records = randomRequests(random, { requests: 2, body: 200 });
        for (let n = random.below(4); n > 0; n--) damage(records, random);
        return cut(records, random);
      }
    }
  },
  run(chunks) {
    const whole = concat(chunks);
    const { records, badVersionAt, rest } = readRecords(whole);
    const decoder = new RecordDecoder();
    let fed = 0;
    let count = 0;
    for (const chunk of chunks) {
      fed += chunk.length;
      const isBad = badVersionAt !== undefined && fed >= badVersionAt + 8;
      // Memory of its own shows what is a view of it.
      decoder.push(chunk);
      for (;;) {
        const record = attempt(() => decoder.next());
        if (record === "refused") {
          if (!isBad || count !== records.length) fail(`Refused behind ${count} records`);
          if (attempt(() => decoder.next()) !== "refused") fail("Decodes behind an error");
          return checkContents(records);
        }
        if (record === undefined) break;
        checkRecord(record, records[count++], fed, chunk);
      }
      if (isBad) fail(`Took a bad version at byte ${badVersionAt}`);
      if (records[count] !== undefined && records[count].end <= fed) fail(`Kept record ${count}`);
    }
    if (count !== records.length) fail(`${count} records, expected ${records.length}`);
    if (decoder.isPartial !== rest > 0) fail(`isPartial with ${rest} bytes left`);
    checkContents(records);
  },
};

/** What `body` returns, or that it threw what it may. */
function attempt<T>(body: () => T): T | "refused" {
  try {
    return body();
  } catch (error) {
    if (!(error instanceof FastCgiError) || error.fault !== "peer") throw error;
    return "refused";
  }
}

function checkRecord(
  record: FastCgiRecord,
  expected: ReferenceRecord | undefined,
  fed: number,
  chunk: Uint8Array,
): void {
  if (expected === undefined || expected.end > fed) fail("A record that is not there");
  const { type, requestId, content } = record;
  if (type !== expected.type || requestId !== expected.id) fail(`Type ${type}, id ${requestId}`);
  checkSame(content, expected.content, "Content");
  const { byteLength } = content.buffer;
  if (content.buffer !== chunk.buffer && byteLength > MAX_RECORD) fail(`${byteLength} bytes held`);
}

/** Fails unless the two are the same bytes. */
export function checkSame(actual: Uint8Array, expected: Uint8Array, what: string): void {
  if (actual.length !== expected.length) {
    fail(`${what}: ${actual.length} bytes, expected ${expected.length}`);
  }
  for (let i = 0; i < actual.length; i++) {
    if (actual[i] !== expected[i]) fail(`${what}: byte ${i} of ${actual.length} differs`);
  }
}

/**
 * The decoders of contents see every content, whatever it was meant to be, and each stream as a
 * whole.
 */
function checkContents(records: readonly ReferenceRecord[]): void {
  for (const [index, { type, content }] of records.entries()) {
    if (content.length > 2000) continue;
    if (type === FCGI_GET_VALUES) checkGetValues(content);
    checkPairs(content);
    // Errors are dear: a few in each case will do.
    if (index > 1 && content.length !== 8) continue;
    for (const decode of [decodeBeginRequest, decodeEndRequest, decodeUnknownType]) {
      const isRefused = attempt(() => decode(content)) === "refused";
      if (isRefused !== (content.length !== 8)) fail(`${decode.name} of ${content.length} bytes`);
    }
  }
  checkPairs(
    concat(records.filter(({ type }) => type === FCGI_PARAMS).map(({ content }) => content)),
  );
}

function checkPairs(content: Uint8Array): void {
  const expected = readPairs(content);
  const pairs = attempt(() => decodeNameValues(content));
  if (pairs === "refused" || expected === undefined) {
    if (pairs !== "refused" || expected !== undefined) fail("Pairs that only one of both can read");
    return;
  }
  if (pairs.length !== expected.length) fail(`${pairs.length} pairs, not ${expected.length}`);
  pairs.forEach(([name, value], i) => {
    checkSame(name, expected[i][0], "Name");
    checkSame(value, expected[i][1], "Value");
  });
  const again = decodeNameValues(encodeNameValues(pairs));
  again.forEach(([name, value], i) => {
    checkSame(name, pairs[i][0], "Name, encoded again");
    checkSame(value, pairs[i][1], "Value, encoded again");
  });
}

function checkGetValues(content: Uint8Array): void {
  const answer = attempt(() => answerGetValues(content, VALUES));
  if (answer === "refused") {
    if (readPairs(content) !== undefined) fail("GET_VALUES refused");
  } else if (answer.length > 64) {
    fail(`GET_VALUES answered with ${answer.length} bytes`);
  }
}
