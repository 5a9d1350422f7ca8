import { assertEquals } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import {
  FCGI_HEADER_LEN,
  FCGI_KEEP_CONN,
  FCGI_MAX_CONTENT_LEN,
  FCGI_NULL_REQUEST_ID,
  FCGI_VERSION_1,
  ProtocolStatus,
  RecordType,
  Role,
} from "../../src/protocol/mod.ts";

describe("constants", () => {
  it("RecordType has the eleven numbers of section 8", () => {
    assertEquals({ ...RecordType }, {
      BEGIN_REQUEST: 1,
      ABORT_REQUEST: 2,
      END_REQUEST: 3,
      PARAMS: 4,
      STDIN: 5,
      STDOUT: 6,
      STDERR: 7,
      DATA: 8,
      GET_VALUES: 9,
      GET_VALUES_RESULT: 10,
      UNKNOWN_TYPE: 11,
    });
  });

  it("Role has the three numbers of section 8", () => {
    assertEquals({ ...Role }, { RESPONDER: 1, AUTHORIZER: 2, FILTER: 3 });
  });

  it("ProtocolStatus has the four numbers of section 8", () => {
    assertEquals({ ...ProtocolStatus }, {
      REQUEST_COMPLETE: 0,
      CANT_MPX_CONN: 1,
      OVERLOADED: 2,
      UNKNOWN_ROLE: 3,
    });
  });

  it("the single values are those of section 8", () => {
    assertEquals(
      [
        FCGI_VERSION_1,
        FCGI_HEADER_LEN,
        FCGI_MAX_CONTENT_LEN,
        FCGI_NULL_REQUEST_ID,
        FCGI_KEEP_CONN,
      ],
      [1, 8, 65535, 0, 1],
    );
  });
});
