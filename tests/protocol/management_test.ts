import { assertEquals, assertThrows } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { assertBytes, bytes } from "../_bytes.ts";
import { parsePairs, parseRecords, rawPairs } from "../_records.ts";
import {
  answerGetValues,
  answerManagement,
  encodeGetValues,
  FastCgiError,
  isKnownType,
  RecordType,
} from "../../src/protocol/mod.ts";

const VALUES = new Map([
  ["FCGI_MAX_CONNS", "10"],
  ["FCGI_MAX_REQS", "100"],
  ["FCGI_MPXS_CONNS", "1"],
]);

/** The pairs of the answer to a question with these names. */
function answerTo(names: string[], values = VALUES): [string, string][] {
  const question = rawPairs(names.map((name) => [name, ""]));
  const [record, ...rest] = parseRecords(answerGetValues(question, values));
  assertEquals([record.type, record.id, rest.length], [10, 0, 0]);
  return parsePairs(record.content);
}

describe("encodeGetValues", () => {
  it("writes the bytes of section 4.1", () => {
    assertBytes(
      encodeGetValues(["FCGI_MAX_REQS", "FCGI_MPXS_CONNS"]),
      bytes(
        [1, 9, 0, 0, 0, 32, 0, 0],
        [13, 0],
        "FCGI_MAX_REQS",
        [15, 0],
        "FCGI_MPXS_CONNS",
      ),
    );
  });
});

describe("answerGetValues", () => {
  it("writes the bytes of section 4.1", () => {
    assertBytes(
      answerGetValues(rawPairs([["FCGI_MPXS_CONNS", ""]]), VALUES),
      bytes([1, 10, 0, 0, 0, 18, 6, 0], [15, 1], "FCGI_MPXS_CONNS1", new Uint8Array(6)),
    );
  });

  it("answers what was asked, in the order asked", () => {
    assertEquals(answerTo(["FCGI_MPXS_CONNS", "FCGI_MAX_CONNS"]), [
      ["FCGI_MPXS_CONNS", "1"],
      ["FCGI_MAX_CONNS", "10"],
    ]);
  });

  it("leaves out what it does not know", () => {
    assertEquals(answerTo(["FCGI_SOMETHING", "FCGI_MAX_REQS", "", "fcgi_max_reqs"]), [
      ["FCGI_MAX_REQS", "100"],
    ]);
  });

  it("leaves out names that mean something to objects", () => {
    assertEquals(answerTo(["constructor", "__proto__", "toString", "hasOwnProperty"]), []);
  });

  it("answers a repeated name once", () => {
    assertEquals(answerTo(Array(3000).fill("FCGI_MAX_REQS")), [["FCGI_MAX_REQS", "100"]]);
  });

  it("answers with nothing where nothing was asked", () => {
    assertEquals(answerTo([]), []);
  });

  it("is not impressed by a name as long as a record", () => {
    assertEquals(answerTo(["FCGI_MAX_REQS".padEnd(65000, "X"), "FCGI_MAX_REQS"]), [
      ["FCGI_MAX_REQS", "100"],
    ]);
  });

  it("does not look at the values of a question", () => {
    const question = rawPairs([["FCGI_MAX_REQS", "7"]]);
    const [{ content }] = parseRecords(answerGetValues(question, VALUES));
    assertEquals(parsePairs(content), [["FCGI_MAX_REQS", "100"]]);
  });

  it("refuses a malformed question", () => {
    const error = assertThrows(
      () => answerGetValues(bytes([13, 0], "FCGI_MAX"), VALUES),
      FastCgiError,
    );
    assertEquals(error.code, "bad_name_value");
  });
});

describe("answerManagement", () => {
  it("answers GET_VALUES whatever its id", () => {
    const content = rawPairs([["FCGI_MAX_REQS", ""]]);
    for (const requestId of [0, 1, 65535]) {
      const answer = answerManagement({ type: RecordType.GET_VALUES, requestId, content }, VALUES);
      assertBytes(answer!, answerGetValues(content, VALUES));
    }
  });

  it("answers a type that nobody knows with the bytes of section 4.2, whatever its id", () => {
    for (const type of [0, 12, 255]) {
      for (const requestId of [0, 1, 65535]) {
        const answer = answerManagement({ type, requestId, content: bytes("?") }, VALUES);
        assertBytes(answer!, bytes([1, 11, 0, 0, 0, 8, 0, 0], [type, 0, 0, 0, 0, 0, 0, 0]));
      }
    }
  });

  it("has no answer to the records of requests", () => {
    for (const type of Object.values(RecordType)) {
      if (type === RecordType.GET_VALUES) continue;
      const record = { type, requestId: 1, content: bytes("") };
      assertEquals(answerManagement(record, VALUES), undefined);
    }
  });

  it("refuses a malformed question", () => {
    const record = { type: RecordType.GET_VALUES, requestId: 0, content: bytes([1]) };
    assertThrows(() => answerManagement(record, VALUES), FastCgiError);
  });
});

describe("isKnownType", () => {
  it("holds for 1 to 11 only", () => {
    const known = Array.from({ length: 256 }, (_, type) => type).filter(isKnownType);
    assertEquals(known, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  });
});
