import { assertEquals } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { contentLength, countableLength } from "../../src/cgi/content_length.ts";

/** What it says, as a limit hears it, and as it is passed on. */
const LENGTHS: [value: string | null | undefined, length: number | undefined][] = [
  [null, undefined],
  [undefined, undefined],
  ["0", 0],
  ["13", 13],
  ["0003", 3],
  ["000", 0],
  ["999999999999999", 999999999999999],
  // 16 digits and more.
  ["1000000000000000", 1e15],
  ["9007199254740991", Number.MAX_SAFE_INTEGER],
  ["0009007199254740991", Number.MAX_SAFE_INTEGER],
  // Said again, as two header lines become one.
  ["5, 5", 5],
  ["5,5,5", 5],
  ["5, 05", 5],
  ["9007199254740991, 9007199254740991", Number.MAX_SAFE_INTEGER],
  // Spaces that a field value may have.
  [" 5", 5],
  ["5\t ", 5],
  ["5 ,\t5", 5],
  // Another number, a sign, a point, what is a number elsewhere.
  ...["5, 6", "5, ", ",5", "5 5", "5;5", "5, -5", "", " ", "+5", "-5", "-0", "5.0", "1e3", "0x10"]
    .map((none): [string, undefined] => [none, undefined]),
  ...["NaN", "Infinity", "5n", "5_0", "\u0661", "\uff15", "5\0", "5\r\n", "\v5", "\xa05", "abc"]
    .map((none): [string, undefined] => [none, undefined]),
];

/** Above what can be counted to. */
const UNCOUNTABLE = [
  "9007199254740992",
  "9007199254740993",
  "99999999999999999999",
  "99999999999999999999, 99999999999999999999",
  "9".repeat(400),
];

describe("contentLength", () => {
  for (const [value, length] of LENGTHS) {
    it(`makes ${length} of ${JSON.stringify(value)}`, () => {
      assertEquals([contentLength(value), countableLength(value)], [length, length]);
    });
  }

  it("is over every limit, and nothing to pass on, above what can be counted to", () => {
    for (const value of UNCOUNTABLE) {
      assertEquals([contentLength(value), countableLength(value)], [Infinity, undefined], value);
    }
  });
});
