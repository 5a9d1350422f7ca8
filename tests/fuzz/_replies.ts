/**
 * What an application may send to a web server, and what it means: replies, more or less as they
 * should be, and the reading of them once more, by the rules of RFC 3875, section 6.
 *
 * @module
 */
import { type Bytes, bytes, concat, latin1, type Random } from "../_bytes.ts";
import { readEnd, readRecords } from "./_reference.ts";
import { FCGI_END_REQUEST, FCGI_STDERR, FCGI_STDOUT } from "./_specification.ts";
import { damage, rawBytes } from "./_streams.ts";

/** The largest header block, in bytes. */
const MAX_HEADER_BLOCK = 65_535;

const LINES = [
  "Status: 200 OK",
  "Status: 404",
  "status:500 Oh no",
  "Status: 204 None",
  "Status: 99",
  "Status: 200OK",
  "HTTP/1.1 200 OK",
  "Location: /x",
  "Content-Type: text/html",
  "Content-Length: 5",
  "Content-Length: 0005",
  "Content-Length: -1",
  "Set-Cookie: a=b",
  "Set-Cookie: c=d; x",
  "X: \xc3\xa0",
  "X:\t\xa0a\x85 ",
  "X:",
  " folded",
  "no colon",
  "X : 1",
  ": 1",
  "X: \x01",
  "X: \xe4\xff",
];

/** The records of one reply, damaged in one case of three. */
export function randomReply(random: Random): Bytes[] {
  const records: Bytes[] = [];
  const eol = random.pick(["\r\n", "\n"]);
  let head = random.below(4) > 0 ? `Status: 200 OK${eol}` : "";
  for (let n = random.below(4); n > 0; n--) {
    const line = random.pick(LINES.slice(random.below(2) === 0 ? 6 : 0));
    head += line + (random.below(15) === 0 ? random.pick(["\n", "\r", "\r\r\n", ""]) : eol);
  }
  if (random.below(200) === 0) head += `X: ${"x".repeat(random.pick([65_000, 65_600]))}${eol}`;
  const content = bytes(head + (random.below(20) > 0 ? eol : ""), randomBody(random));
  const most = random.pick([65_535, 65_535, 40, 5]);
  for (let start = 0; start < content.length;) {
    const end = start + Math.max(1, content.length > 5000 ? 5000 : 0, random.below(most));
    records.push(rawBytes(FCGI_STDOUT, 1, content.subarray(start, Math.min(end, start + 65_535))));
    start = Math.min(end, start + 65_535);
    if (random.below(12) === 0) records.push(rawBytes(FCGI_STDERR, 1, bytes("oh\nno")));
  }
  if (random.below(3) > 0) records.push(rawBytes(FCGI_STDOUT, 1, bytes()));
  const status = random.below(12) > 0 ? 0 : random.below(5);
  if (random.below(12) > 0) {
    records.push(
      rawBytes(FCGI_END_REQUEST, 1, bytes([0, 0, 0, 0, status, 0, 0, 0]), random.pick([0, 8])),
    );
  }
  if (random.below(3) === 0) {
    for (let n = 1 + random.below(2); n > 0; n--) {
      damage(records, random);
    }
  }
  return records;
}

function randomBody(random: Random): Bytes {
  return random.pick([bytes(), bytes("12345"), bytes("123456"), random.bytes(random.below(60))]);
}

/** What a reply means. */
export interface Meaning {
  head?: { status: number; statusText: string; fields: [name: string, value: string][] };
  content: Bytes;
  stderr: Bytes;
  /** The protocol status, if the request has ended. */
  end?: number;
  /** Whether the application has closed STDOUT, behind a header block. */
  stdoutEnded: boolean;
  /** Whether it cannot be understood, from here on. */
  isBroken: boolean;
}

/** Reads a reply to request 1. */
export function meaningOf(reply: Uint8Array): Meaning {
  const { records, badVersionAt } = readRecords(reply);
  const content: Uint8Array[] = [];
  const stderr: Uint8Array[] = [];
  const meaning: Meaning = {
    content: bytes(),
    stderr: bytes(),
    stdoutEnded: false,
    isBroken: badVersionAt !== undefined,
  };
  let block = "";
  for (const record of records) {
    if (record.id !== 1) continue;
    const isBroken = meaning.end !== undefined ||
      (record.type === FCGI_END_REQUEST && record.content.length !== 8);
    if (isBroken) {
      meaning.isBroken = true;
      break;
    }
    if (record.type === FCGI_END_REQUEST) meaning.end = readEnd(record.content).protocolStatus;
    if (record.type === FCGI_STDERR) stderr.push(record.content);
    if (record.type !== FCGI_STDOUT) continue;
    if (meaning.stdoutEnded) continue;
    if (record.content.length === 0) {
      meaning.stdoutEnded = meaning.head !== undefined;
    } else if (meaning.head !== undefined) {
      content.push(record.content);
    } else {
      block += latin1(record.content);
      const end = /(?:^|\n)(\r?\n)/.exec(block);
      const length = end === null ? block.length : end.index + end[0].length - end[1].length;
      if (length > MAX_HEADER_BLOCK) {
        meaning.isBroken = true;
        break;
      }
      if (end === null) continue;
      meaning.head = readHead(block.slice(0, length));
      if (meaning.head === undefined) {
        meaning.isBroken = true;
        break;
      }
      content.push(bytes(block.slice(end.index + end[0].length)));
    }
  }
  return { ...meaning, content: concat(content), stderr: concat(stderr) };
}

function readHead(block: string): Meaning["head"] {
  let status: string | undefined;
  const fields: [string, string][] = [];
  for (const line of block.split("\n").slice(0, -1)) {
    // deno-lint-ignore no-control-regex -- what no value may hold
    const field = /^([\w!#$%&'*+.^`|~-]+):([^\0-\x08\x0a-\x1f\x7f]*?)\r?$/.exec(line);
    if (field === null) return undefined;
    const [, name, value] = field;
    // Nothing but spaces and tabs: U+00A0 is the second byte of many a UTF-8 character.
    const trimmed = value.replace(/^[ \t]+|[ \t]+$/g, "");
    if (name.toLowerCase() === "status") status = trimmed;
    else fields.push([name.toLowerCase(), trimmed]);
  }
  status ??= fields.some(([name]) => name === "location") ? "302 Found" : "200 OK";
  const [, code, statusText = ""] = /^([2-5]\d\d)(?: (.*))?$/.exec(status) ?? [];
  return code === undefined ? undefined : { status: Number(code), statusText, fields };
}
