/**
 * What a peer may send: requests as web servers make them, interleaved, cut and padded at random,
 * and then damaged by somebody who knows where it hurts.
 *
 * @module
 */
import type { Bytes, Random } from "../_bytes.ts";
import { bytes, concat } from "../_bytes.ts";
import { rawPairs } from "../_records.ts";
import { capturesOf, SERVERS } from "../cgi/_captures.ts";
import {
  FCGI_ABORT_REQUEST,
  FCGI_AUTHORIZER,
  FCGI_BEGIN_REQUEST,
  FCGI_DATA,
  FCGI_END_REQUEST,
  FCGI_FILTER,
  FCGI_GET_VALUES,
  FCGI_GET_VALUES_RESULT,
  FCGI_KEEP_CONN,
  FCGI_PARAMS,
  FCGI_RESPONDER,
  FCGI_STDERR,
  FCGI_STDIN,
  FCGI_STDOUT,
  FCGI_UNKNOWN_TYPE,
} from "./_specification.ts";

/** Types that only an application sends. */
const FROM_APPLICATION = [
  FCGI_END_REQUEST,
  FCGI_STDOUT,
  FCGI_STDERR,
  FCGI_GET_VALUES_RESULT,
  FCGI_UNKNOWN_TYPE,
];

/** PARAMS of real web servers, encoded. */
const CAPTURED = SERVERS.flatMap((server) =>
  Array.from(capturesOf(server).values(), ({ params }) => rawPairs(params))
);

/** The paths ask for what a handler is to do: `tests/fuzz/_handlers.ts` has as many. */
export const BEHAVIOURS = 26;

const METHODS = ["GET", "GET", "POST", "POST", "POST", "PUT", "HEAD", "OPTIONS", "DELETE"];
const NAMES = ["FCGI_MAX_CONNS", "FCGI_MAX_REQS", "FCGI_MPXS_CONNS", "FCGI_OTHER", "", "x"];
/** Content and records of these lengths are where something changes. */
const LENGTHS = [0, 1, 7, 8, 9, 100, 127, 128, 300];

/** How a web server is to be played. */
export interface StreamOptions {
  /** Requests at the most. @default {4} */
  requests?: number;
  /** The longest body but for the rare huge one. @default {300} */
  body?: number;
  /** One in how many bodies is huge. @default {300} */
  huge?: number;
}

/** A record with any padding. */
export function rawBytes(
  type: number,
  id: number,
  content: Uint8Array,
  padding = 0,
  version = 1,
): Bytes {
  const encoded = new Uint8Array(8 + content.length + padding);
  encoded[0] = version;
  encoded[1] = type;
  encoded[2] = id >> 8;
  encoded[3] = id;
  encoded[4] = content.length >> 8;
  encoded[5] = content.length;
  encoded[6] = padding;
  encoded.set(content, 8);
  encoded.fill(0xaa, 8 + content.length);
  return encoded;
}

const EMPTY = new Uint8Array(0);

/** Requests as records, interleaved; each request's own are in order. */
export function randomRequests(random: Random, options: StreamOptions = {}): Bytes[] {
  const count = 1 + random.below(options.requests ?? 4);
  const queues: Bytes[][] = [];
  for (let i = 0; i < count; i++) {
    queues.push(randomRequest(random, random.pick([1, 1, 2, 3, 5, 255, 256, 65535]), options));
  }
  const mostly = random.below(3) > 0;
  const records: Bytes[] = [];
  // One behind the other, as all web servers but one do it, or mixed.
  for (let at = 0; queues.length > 0;) {
    if (!mostly) at = random.below(queues.length);
    records.push(queues[at].shift()!);
    if (queues[at].length === 0) queues.splice(at, 1), at = 0;
  }
  return records;
}

function randomRequest(random: Random, id: number, options: StreamOptions): Bytes[] {
  const records: Bytes[] = [];
  const role = random.below(12) > 0
    ? FCGI_RESPONDER
    : random.pick([FCGI_AUTHORIZER, FCGI_FILTER, FCGI_FILTER, 0, 4, 256]);
  const flags = random.below(6) > 0 ? FCGI_KEEP_CONN : random.below(256);
  records.push(
    rawBytes(FCGI_BEGIN_REQUEST, id, bytes([role >> 8, role & 255, flags, 0, 0, 0, 0, 0])),
  );
  pushStream(records, FCGI_PARAMS, id, randomParams(random), random);
  const longest = random.below(options.huge ?? 300) === 0 ? 150_000 : options.body ?? 300;
  if (random.below(12) > 0) {
    pushStream(records, FCGI_STDIN, id, randomBody(random, longest), random);
  }
  if (role === FCGI_FILTER) pushStream(records, FCGI_DATA, id, randomBody(random, longest), random);
  return records;
}

function randomBody(random: Random, longest: number): Uint8Array {
  if (random.below(3) === 0) return EMPTY;
  const body = new Uint8Array(random.below(longest + 1));
  // No two places alike is enough, and random numbers are dear.
  for (let i = 0, value = random.below(256); i < body.length; i++) body[i] = value = value * 5 + 7;
  return body;
}

/** The parameters of one request, encoded: a few, or those of a real web server. */
export function randomParams(random: Random): Bytes {
  if (random.below(16) === 0) return random.pick(CAPTURED);
  const pairs: [string, string][] = [
    ["REQUEST_METHOD", random.pick(METHODS)],
    ["REQUEST_URI", `/${random.below(BEHAVIOURS)}/${random.below(1000)}`],
    ["HTTP_HOST", "h"],
  ];
  if (random.below(4) === 0) pairs.push(["HTTP_X", "x".repeat(random.pick([...LENGTHS, 2000]))]);
  if (random.below(4) === 0) pairs.push(["CONTENT_LENGTH", random.pick(["", "0", "-1", "5", "x"])]);
  return rawPairs(pairs, random.below(20) === 0);
}

/** A stream in one record, as it mostly is, or in many, some of them padded; then its end. */
function pushStream(
  records: Bytes[],
  type: number,
  id: number,
  content: Uint8Array,
  random: Random,
): void {
  const most = random.below(3) > 0 ? 65535 : random.pick([1, 7, 64, 300, 4096]);
  // What is long is not cut into single bytes, which would only take time.
  const least = content.length > 2000 ? 5000 : 1;
  for (let start = 0; start < content.length;) {
    const end = start + (most === 65535 ? most : least + random.below(most));
    const padding = random.below(4) === 0 ? random.below(256) : 0;
    records.push(rawBytes(type, id, content.subarray(start, end), padding));
    start = end;
  }
  records.push(rawBytes(type, id, EMPTY, random.below(30) === 0 ? 8 : 0));
}

/** Does something to a list of records that no web server would, or that few do. */
export function damage(records: Bytes[], random: Random): void {
  const at = random.below(records.length + 1);
  const record = records[Math.min(at, records.length - 1)] ?? EMPTY;
  const id = record.length >= 4 ? record[2] * 256 + record[3] : 1;
  const insert = (type: number, content: Uint8Array = EMPTY, ofId = id): void => {
    records.splice(at, 0, rawBytes(type, ofId, content, random.pick([0, 0, 3, 255])));
  };
  const change = (offset: number, value: number): void => {
    if (offset >= record.length) return;
    const changed = record.slice();
    changed[offset] = value;
    records.splice(Math.min(at, records.length - 1), 1, changed);
  };
  switch (random.below(26)) {
    case 0:
      return change(0, random.pick([0, 2, 255]));
    case 1:
      return change(1, random.below(256));
    case 2:
      return change(2 + random.below(2), random.below(4));
    case 3:
      return change(4 + random.below(4), random.below(256));
    case 4:
      return change(8 + random.below(Math.max(1, record.length - 8)), random.below(256));
    case 5:
      return void records.splice(at, 1);
    case 6:
      return void records.splice(at, 0, record.slice());
    case 7:
      return void records.splice(random.below(records.length + 1), 0, ...records.splice(at, 1));
    case 8:
      return insert(FCGI_ABORT_REQUEST);
    case 9:
      return insert(FCGI_ABORT_REQUEST, EMPTY, random.below(4));
    // Twice, for then the id is used again at once.
    case 10:
      records.splice(at, 0, ...randomRequest(random, id, {}));
      return insert(FCGI_ABORT_REQUEST);
    case 11:
      return insert(
        FCGI_BEGIN_REQUEST,
        bytes([0, random.pick([1, 1, 2, 3, 9]), random.below(2), 0, 0, 0, 0, 0]),
      );
    case 12:
      return insert(FCGI_BEGIN_REQUEST, new Uint8Array(random.pick([0, 7, 9])));
    case 13:
      return insert(FCGI_BEGIN_REQUEST, bytes([0, 1, 1, 0, 0, 0, 0, 0]), 0);
    case 14:
      return insert(FCGI_GET_VALUES, getValues(random), random.pick([0, 0, 0, id]));
    case 15:
      return insert(random.pick([0, 12, 99, 255]), random.bytes(random.pick(LENGTHS)), 0);
    case 16:
      return insert(random.below(256), random.bytes(random.pick(LENGTHS)));
    case 17:
      return insert(FCGI_PARAMS, randomParams(random));
    case 18:
      return insert(FCGI_PARAMS, random.bytes(random.pick(LENGTHS)));
    case 19:
      return insert(random.pick([FCGI_STDIN, FCGI_DATA, FCGI_PARAMS]));
    case 20:
      return insert(random.pick([FCGI_STDIN, FCGI_DATA]), random.bytes(random.pick(LENGTHS)));
    case 21:
      return insert(random.pick(FROM_APPLICATION), new Uint8Array(random.pick([0, 8, 9])));
    case 22:
      return void records.splice(
        at,
        0,
        ...Array.from({ length: random.below(40) }, () => {
          return rawBytes(
            random.pick([FCGI_PARAMS, FCGI_STDIN, FCGI_GET_VALUES, 77]),
            random.pick([0, id]),
            EMPTY,
          );
        }),
      );
    case 23:
      return void records.splice(at, 0, random.bytes(random.below(20)));
    case 24:
      return void records.splice(at, records.length, record.slice(0, random.below(record.length)));
    case 25:
      return void records.splice(
        at,
        1,
        record.subarray(0, random.below(record.length + 1)).slice(),
      );
  }
}

function getValues(random: Random): Bytes {
  const pairs = Array.from({ length: random.below(5) }, () => [random.pick(NAMES), ""] as const);
  const content = rawPairs(pairs, random.below(4) === 0);
  return random.below(6) === 0 ? content.slice(0, random.below(content.length + 1)) : content;
}

/** Records as the chunks in which they come. */
export function cut(records: readonly Uint8Array[], random: Random): Bytes[] {
  const whole = concat(records);
  const chunks: Bytes[] = [];
  const push = (start: number, end: number): void => void chunks.push(whole.slice(start, end));
  switch (random.below(whole.length < 300 ? 6 : 5)) {
    case 0:
      return [whole];
    case 1: {
      for (let at = 0, i = 0; i < records.length; i++) push(at, at += records[i].length);
      return chunks;
    }
    case 2: {
      // A few records together.
      for (let at = 0, i = 0; i < records.length;) {
        let end = at;
        for (let n = 1 + random.below(6); n > 0 && i < records.length; n--) {
          end += records[i++].length;
        }
        push(at, end);
        at = end;
      }
      return chunks;
    }
    case 3: {
      const cuts = [
        0,
        random.below(whole.length + 1),
        random.below(whole.length + 1),
        whole.length,
      ];
      cuts.sort((a, b) => a - b);
      for (let i = 0; i < 3; i++) push(cuts[i], cuts[i + 1]);
      return chunks;
    }
    case 4: {
      const most = random.pick([40, 300, 5000]) + whole.length / 30;
      for (let at = 0; at < whole.length;) push(at, at += 1 + random.below(most));
      return chunks;
    }
    default:
      for (let at = 0; at < whole.length; at++) push(at, at + 1);
      return chunks;
  }
}
