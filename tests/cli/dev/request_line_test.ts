import { assertEquals } from "../../_assert.ts";
import { describe, it } from "../../_harness.ts";
import { requestLine } from "../../../src/cli/dev/request_line.ts";

const REQUEST = { method: "GET", url: "http://localhost/users?x=1", status: 200, duration: 12.4 };

describe("the line of a request", () => {
  it("has method, path, status and time", () => {
    assertEquals(requestLine(REQUEST, false), "GET /users?x=1 200 12 ms");
    const slow = { ...REQUEST, duration: 12_345 };
    assertEquals(requestLine(slow, false), "GET /users?x=1 200 12.3 s");
  });

  it("says what has become of an answer that is not whole", () => {
    const line = requestLine({ ...REQUEST, end: "the client has gone" }, false);
    assertEquals(line, "GET /users?x=1 200 12 ms (the client has gone)");
  });

  it("has the color of its status", () => {
    for (const [status, color] of [[204, 32], [302, 36], [404, 33], [500, 31]] as const) {
      assertEquals(
        requestLine({ ...REQUEST, status }, true),
        `GET /users?x=1 \x1b[${color}m${status}\x1b[0m \x1b[2m12 ms\x1b[0m`,
      );
    }
  });

  it("is one line, without control characters", () => {
    const line = requestLine({ ...REQUEST, method: "A\x1b[2J\nB", end: "c\x9b\nd" }, false);
    assertEquals(line, "A [2J B /users?x=1 200 12 ms (c d)");
  });
});
