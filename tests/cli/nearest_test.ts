import { assertEquals } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { editDistance, nearest } from "../../src/cli/nearest.ts";

describe("editDistance", () => {
  for (
    const [from, to, distance] of [
      ["", "", 0],
      ["", "abc", 3],
      ["abc", "", 3],
      ["socket", "socket", 0],
      ["scoket", "socket", 1],
      ["sockt", "socket", 1],
      ["sockett", "socket", 1],
      ["sicket", "socket", 1],
      ["ca", "abc", 3],
      ["kitten", "sitting", 3],
    ] as const
  ) {
    it(`is ${distance} from "${from}" to "${to}", and back`, () => {
      assertEquals(editDistance(from, to), distance);
      assertEquals(editDistance(to, from), distance);
    });
  }
});

describe("nearest", () => {
  const words = ["get", "ping", "serve", "status", "timeout"];
  for (
    const [word, expected] of [
      ["gte", "get"],
      ["server", "serve"],
      ["stat", "status"],
      ["time-out", "timeout"],
      ["serv", "serve"],
      ["g", undefined],
      ["xyz", undefined],
      ["timeouts-of-everything", undefined],
      ["", undefined],
    ] as const
  ) {
    it(`of "${word}" is ${expected ?? "nothing"}`, () => {
      assertEquals(nearest(word, words), expected);
    });
  }
});
