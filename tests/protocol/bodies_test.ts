import { assertEquals, assertThrows } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { assertBytes, bytes } from "../_bytes.ts";
import {
  decodeBeginRequest,
  decodeEndRequest,
  decodeUnknownType,
  encodeBeginRequest,
  encodeEndRequest,
  encodeUnknownType,
  FastCgiError,
  FCGI_KEEP_CONN,
  ProtocolStatus,
  Role,
} from "../../src/protocol/mod.ts";
import { END_REQUEST_SIZE, writeEndRequest } from "../../src/protocol/bodies.ts";

/** Fails unless content of every wrong length is refused. */
function assertRefusesOtherLengths(decode: (content: Uint8Array) => unknown): void {
  for (const length of [0, 1, 7, 9, 16, 65535]) {
    const error = assertThrows(() => decode(new Uint8Array(length)), FastCgiError, `${length}`);
    assertEquals([error.code, error.fault, error.connectionSurvives], [
      "bad_record",
      "peer",
      false,
    ]);
  }
}

describe("encodeBeginRequest", () => {
  it("writes the bytes of section 5.1", () => {
    assertBytes(
      encodeBeginRequest(1, { role: Role.RESPONDER, flags: FCGI_KEEP_CONN }),
      bytes([1, 1, 0, 1, 0, 8, 0, 0], [0, 1, 1, 0, 0, 0, 0, 0]),
    );
    assertBytes(
      encodeBeginRequest(0x0102, { role: 0x0304, flags: 0 }),
      bytes([1, 1, 1, 2, 0, 8, 0, 0], [3, 4, 0, 0, 0, 0, 0, 0]),
    );
  });
});

describe("decodeBeginRequest", () => {
  it("reads what was encoded", () => {
    for (
      const body of [{ role: 1, flags: 0 }, { role: 2, flags: 1 }, { role: 65535, flags: 255 }]
    ) {
      assertEquals(decodeBeginRequest(encodeBeginRequest(1, body).subarray(8)), body);
    }
  });

  it("does not look at the reserved bytes", () => {
    assertEquals(decodeBeginRequest(bytes([0, 3, 1, 9, 9, 9, 9, 9])), { role: 3, flags: 1 });
  });

  it("refuses content of any other length", () => {
    assertRefusesOtherLengths(decodeBeginRequest);
  });
});

describe("encodeEndRequest", () => {
  it("writes the bytes of section 5.5", () => {
    const body = { appStatus: 0x01020304, protocolStatus: ProtocolStatus.UNKNOWN_ROLE };
    const expected = bytes([1, 3, 0, 1, 0, 8, 0, 0], [1, 2, 3, 4, 3, 0, 0, 0]);
    assertBytes(encodeEndRequest(1, body), expected);
    assertEquals(END_REQUEST_SIZE, expected.length);
  });
});

describe("writeEndRequest", () => {
  it("writes at an offset and returns the offset behind it", () => {
    const target = new Uint8Array(24);
    const body = { appStatus: 0, protocolStatus: ProtocolStatus.OVERLOADED };
    assertEquals(writeEndRequest(target, 8, 258, body), 24);
    assertBytes(target.subarray(8), encodeEndRequest(258, body));
  });
});

describe("decodeEndRequest", () => {
  it("reads what was encoded, up to the largest status", () => {
    for (const appStatus of [0, 1, 0x7fffffff, 0x80000000, 0xffffffff]) {
      for (const protocolStatus of [0, 1, 2, 3, 255]) {
        const body = { appStatus, protocolStatus };
        assertEquals(decodeEndRequest(encodeEndRequest(1, body).subarray(8)), body);
      }
    }
  });

  it("refuses content of any other length", () => {
    assertRefusesOtherLengths(decodeEndRequest);
  });
});

describe("encodeUnknownType", () => {
  it("writes the bytes of section 4.2", () => {
    assertBytes(
      encodeUnknownType(12),
      bytes([1, 11, 0, 0, 0, 8, 0, 0], [12, 0, 0, 0, 0, 0, 0, 0]),
    );
  });
});

describe("decodeUnknownType", () => {
  it("reads what was encoded", () => {
    for (const type of [0, 12, 255]) {
      assertEquals(decodeUnknownType(encodeUnknownType(type).subarray(8)), type);
    }
  });

  it("refuses content of any other length", () => {
    assertRefusesOtherLengths(decodeUnknownType);
  });
});
