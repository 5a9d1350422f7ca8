/**
 * The header block of a CGI response (RFC 3875, section 6): bytes in, status and `Headers` out.
 *
 * Lines end with CR LF or LF alone, the block ends with an empty line, and both may be split
 * anywhere by a record or a read. `Status` may be on any line. Everything that the web servers
 * answer with "bad gateway" is rejected here: a line without a colon (an `HTTP/1.1 200 OK` line
 * too), a folded line, a space before the colon, control bytes.
 */
import { isToken } from "../cgi/header_name.ts";
import { decodeLatin1 } from "../cgi/latin1.ts";
import { ContentBuffer } from "../protocol/content_buffer.ts";
import { badReply } from "./errors.ts";

// As loaded: applications replace the global.
const { Headers } = globalThis;

/**
 * The largest header block accepted, in bytes: lighttpd's limit, the most generous of the
 * documented ones.
 */
export const MAX_HEADER_BLOCK = 65_535;

const LF = 0x0a;
const CR = 0x0d;

/** Control bytes other than TAB, which no field value may contain. */
// deno-lint-ignore no-control-regex
const CONTROL = /[\0-\x08\x0a-\x1f\x7f]/;

/** The status and the headers of a response. */
export interface ResponseHead {
  /** 200 to 599. */
  status: number;
  /** The reason phrase; "" if there was none. */
  statusText: string;
  /** The fields, without `Status`. Values are Latin-1: code unit n is byte n. */
  headers: Headers;
}

/** Buffers and parses a header block, up to its empty line. */
export class HeaderBlockParser {
  readonly #block = new ContentBuffer();
  /** The offset of the line that is still incomplete. */
  #lineStart = 0;

  /**
   * Takes the next bytes of STDOUT. Returns `undefined` until the block is complete, then the head
   * and the bytes after it, which belong to the body.
   *
   * @throws {FastCgiError} `bad_reply` if this is not a header block.
   */
  push(content: Uint8Array): { head: ResponseHead; rest: Uint8Array } | undefined {
    let from = this.#block.length;
    this.#block.append(content);
    const bytes = this.#block.bytes();
    for (let lf = bytes.indexOf(LF, from); lf !== -1; lf = bytes.indexOf(LF, from)) {
      const lineEnd = lf > this.#lineStart && bytes[lf - 1] === CR ? lf - 1 : lf;
      if (lineEnd === this.#lineStart) {
        return {
          head: parseHeaderBlock(decodeLatin1(bytes, 0, lineEnd)),
          rest: bytes.subarray(lf + 1),
        };
      }
      this.#lineStart = from = lf + 1;
      if (from > MAX_HEADER_BLOCK) break;
    }
    if (bytes.length > MAX_HEADER_BLOCK) {
      throw badReply(`its header block is longer than ${MAX_HEADER_BLOCK} bytes`);
    }
    return undefined;
  }
}

function parseHeaderBlock(block: string): ResponseHead {
  const headers = new Headers();
  let status: string | undefined;
  for (const line of block.split("\n")) {
    if (line === "") continue; // behind the last line
    const colon = line.indexOf(":");
    const name = line.slice(0, colon);
    // Not `trim()`, which removes U+00A0 too: as a byte, it is part of many UTF-8 characters.
    const value = line.slice(colon + 1).replace(/^[ \t]+|\r$/g, "").replace(/[ \t]+$/, "");
    if (colon === -1 || !isToken(name) || CONTROL.test(value)) {
      throw badReply(`its header block has the line ${JSON.stringify(line.slice(0, 80))}`);
    }
    if (name.toLowerCase() === "status") status = value;
    else headers.append(name, value);
  }
  // A redirect without a status is a 302 (RFC 3875, section 6.2.3).
  status ??= headers.has("location") ? "302 Found" : "200 OK";
  const match = /^([2-5]\d\d)(?: (.*))?$/.exec(status);
  if (match === null) throw badReply(`its status is ${JSON.stringify(status)}`);
  return { status: Number(match[1]), statusText: match[2] ?? "", headers };
}

/**
 * The Content-Length of a response; `undefined` if it has none.
 *
 * @throws {FastCgiError} `bad_reply` if that is no length.
 */
export function contentLength(headers: Headers): number | undefined {
  const value = headers.get("content-length");
  if (value === null) return undefined;
  if (!/^\d+$/.test(value)) throw badReply(`its Content-Length is ${JSON.stringify(value)}`);
  return Number(value);
}
