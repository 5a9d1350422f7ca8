import { ReplyDecoder } from "../../src/client/reply_decoder.ts";
import { FastCgiError, RecordType } from "../../src/protocol/mod.ts";
import { bytes, chunksOf, concat, everySplit, latin1 } from "../_bytes.ts";
import { assertEquals, assertThrows } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { rawRecord } from "../_records.ts";
import { end, stderr, stdout } from "./_application.ts";

/** What a decoder tells, with the parts of the body and of STDERR joined. */
function decode(...chunks: Uint8Array[]) {
  const told = { status: 0, body: "", stderr: "", end: -1, order: "" };
  const note = (event: string) => {
    if (!told.order.endsWith(event)) told.order += event;
  };
  const decoder = new ReplyDecoder(1, {
    onHead: ({ status }) => (note("H"), told.status = status),
    onContent: (content) => (note("C"), told.body += latin1(content)),
    onStderr: (content) => (note("E"), told.stderr += latin1(content)),
    onEnd: ({ protocolStatus }) => (note("."), told.end = protocolStatus),
  });
  for (const chunk of chunks) decoder.receive(chunk);
  return { ...told, isEnded: decoder.isEnded, isStdoutEnded: decoder.isStdoutEnded };
}

const TOLD = { status: 201, body: "Hello, world", stderr: "ouch\n", end: 0, order: "HCEC." };

describe("ReplyDecoder", () => {
  const encoded = concat([
    stdout("Status: 201 Crea"),
    stdout("ted\r\n\r\nHello"),
    stderr("ouch\n"),
    stdout(", world"),
    stdout(""),
    stderr(""),
    end(),
  ]);

  it("tells what a reply says, whole, in two parts cut anywhere, and byte by byte", () => {
    const expected = { ...TOLD, isEnded: true, isStdoutEnded: false };
    assertEquals(decode(encoded), expected);
    for (const [head, tail] of everySplit(encoded)) assertEquals(decode(head, tail), expected);
    assertEquals(decode(...chunksOf(encoded, 1)), expected);
  });

  it("reads the third example of the specification's appendix B, whatever the exit status", () => {
    const told = decode(
      stdout("Content-type: text/html\r\n\r\n<ht"),
      stderr("config error: missing SI_UID\n"),
      stdout("ml>\n<head> ... "),
      stdout(""),
      stderr(""),
      rawRecord({ type: RecordType.END_REQUEST, content: bytes([0, 0, 3, 0xaa, 0, 0, 0, 0]) }),
    );
    assertEquals(told, {
      ...{ status: 200, body: "<html>\n<head> ... ", stderr: "config error: missing SI_UID\n" },
      ...{ end: 0, order: "HCEC.", isEnded: true, isStdoutEnded: false },
    });
  });

  it("needs no end of STDOUT", () => {
    assertEquals(decode(stdout("\n\nx"), end()).isEnded, true);
  });

  it("knows when STDOUT has ended", () => {
    assertEquals(decode(stdout("\n")).isStdoutEnded, false);
    assertEquals(decode(stdout("\n"), stdout("")).isStdoutEnded, true);
    assertEquals(decode(stdout("X: 1\n"), stdout("")).isStdoutEnded, false);
  });

  it("tells of STDERR before, between and after STDOUT", () => {
    const told = decode(stderr("a"), stdout("\n"), stderr("b"), stdout(""), stderr("c"), end());
    assertEquals(told.stderr, "abc");
    assertEquals(told.order, "EHE.");
  });

  it("passes over other requests and management records", () => {
    const told = decode(
      rawRecord({ type: RecordType.STDOUT, id: 2, content: "Status: 500\n\n" }),
      rawRecord({ type: RecordType.UNKNOWN_TYPE, id: 0, content: new Uint8Array(8) }),
      stdout("Status: 202\n\n"),
      rawRecord({ type: 77, content: "?" }),
      end(),
    );
    assertEquals(told.status, 202);
  });

  it("tells the protocol status of an end without anything else", () => {
    assertEquals(decode(end(2)), {
      ...{ status: 0, body: "", stderr: "", end: 2, order: "." },
      ...{ isEnded: true, isStdoutEnded: false },
    });
  });

  it("refuses what comes behind the end", () => {
    const error = assertThrows(() => decode(stdout("\n"), end(), stdout("x")), FastCgiError);
    assertEquals(error.code, "bad_reply");
  });

  it("refuses a header that is none, and a record that is none", () => {
    assertEquals(assertThrows(() => decode(stdout("x\n\n")), FastCgiError).code, "bad_reply");
    assertEquals(assertThrows(() => decode(new Uint8Array(8)), FastCgiError).code, "bad_version");
    const short = rawRecord({ type: RecordType.END_REQUEST, content: bytes([0]) });
    assertEquals(assertThrows(() => decode(short), FastCgiError).code, "bad_record");
  });
});
