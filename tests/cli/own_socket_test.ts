import { assertEquals } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { ownSocket } from "../../src/cli/own_socket.ts";

describe("ownSocket", () => {
  it("puts the number before the extension of the file, if it has one", () => {
    assertEquals(ownSocket("/run/app/fcgi.sock", 0), "/run/app/fcgi.0.sock");
    assertEquals(ownSocket("a.b.sock", 12), "a.b.12.sock");
    assertEquals(ownSocket("/run/app.d/fcgi", 1), "/run/app.d/fcgi.1");
    assertEquals(ownSocket("/run/.fcgi", 1), "/run/.fcgi.1");
    assertEquals(ownSocket(".fcgi", 1), ".fcgi.1");
  });
});
