import { assertEquals } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import * as protocol from "../../src/protocol/mod.ts";

describe("@fastcgi/serve/protocol", () => {
  it("has an encoder and a decoder for every body that both sides need", () => {
    const names = Object.keys(protocol);
    const pairs = [
      ["encodeBeginRequest", "decodeBeginRequest"],
      ["encodeEndRequest", "decodeEndRequest"],
      ["encodeUnknownType", "decodeUnknownType"],
      ["encodeNameValues", "decodeNameValues"],
      ["encodeRecord", "RecordDecoder"],
      ["RecordEncoderStream", "RecordDecoderStream"],
    ];
    assertEquals(pairs.flat().filter((name) => !names.includes(name)), []);
  });
});
