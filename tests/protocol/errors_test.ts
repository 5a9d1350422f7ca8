import { assertEquals, assertInstanceOf } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { FastCgiError } from "../../src/protocol/mod.ts";
import { fatalPeerError } from "../../src/protocol/errors.ts";

describe("FastCgiError", () => {
  it("is an Error with a name, a code, a fault and whether the connection survives", () => {
    const cause = new Error("cause");
    const error = new FastCgiError("bad_response", "Cannot send", {
      fault: "application",
      connectionSurvives: true,
      cause,
    });
    assertInstanceOf(error, Error);
    assertEquals(
      [error.name, error.message, error.code, error.fault, error.connectionSurvives, error.cause],
      ["FastCgiError", "Cannot send", "bad_response", "application", true, cause],
    );
  });
});

describe("fatalPeerError", () => {
  it("is the peer's fault and ends the connection", () => {
    const error = fatalPeerError("bad_version", "Cannot read a record");
    assertInstanceOf(error, FastCgiError);
    assertEquals([error.code, error.fault, error.connectionSurvives], [
      "bad_version",
      "peer",
      false,
    ]);
  });
});
