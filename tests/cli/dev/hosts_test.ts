import { assertEquals } from "../../_assert.ts";
import { describe, it } from "../../_harness.ts";
import { isKnownHost, isLocal } from "../../../src/cli/dev/hosts.ts";

describe("the hosts that are answered", () => {
  for (
    const [given, known, unknown] of [
      [
        undefined,
        ["localhost", "127.0.0.1", "[::1]", "app.localhost"],
        ["evil.example", "localhost.evil.example", "evillocalhost", "10.0.0.1", "[::2]", ""],
      ],
      ["app.test", ["app.test", "localhost"], ["www.app.test", "evil.example", "10.0.0.1"]],
      ["App.Test", ["app.test"], ["apptest"]],
      ["fd00::1", ["[fd00::1]", "127.0.0.1"], ["[fd00::2]"]],
      ["0.0.0.0", ["10.0.0.1", "[fd00::1]", "localhost"], ["evil.example", "1.evil.example"]],
      ["::", ["10.0.0.1", "[fd00::1]"], ["evil.example"]],
    ] as const
  ) {
    it(`with --host ${given}`, () => {
      assertEquals(known.filter((host) => !isKnownHost(host, given)), []);
      assertEquals(unknown.filter((host) => isKnownHost(host, given)), []);
    });
  }

  it("are asked by this machine or by another", () => {
    const here = ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1", "10.0.0.9"];
    assertEquals(here.filter((address) => !isLocal(address, "10.0.0.9")), []);
    const others = ["10.0.0.1", "128.0.0.1", "::2", "::ffff:10.0.0.1", "", "10.127.0.1"];
    assertEquals(others.filter((address) => isLocal(address, "10.0.0.9")), []);
  });
});
