/** The assertions, tested by themselves. */
import {
  assert,
  assertEquals,
  assertExists,
  assertGreater,
  assertGreaterOrEqual,
  assertInstanceOf,
  AssertionError,
  assertLess,
  assertLessOrEqual,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
  fail,
  unreachable,
} from "./_assert.ts";
import { bytes } from "./_bytes.ts";
import { describe, it } from "./_harness.ts";

describe("assertions", () => {
  it("return or throw as their names say", async () => {
    const list: string[] = [];
    const pairs: [good: () => void, bad: () => void][] = [
      [() => assert(1), () => assert(0)],
      [() => assertEquals({ a: [1n] }, { a: [1n] }), () => assertEquals([1, 2], [1, 3])],
      [() => assertEquals(NaN, NaN), () => assertEquals<unknown>({ a: undefined }, {})],
      [
        () => assertEquals(bytes([1, 2]), bytes([1, 2])),
        () => assertEquals(bytes([1]), bytes([2])),
      ],
      [() => assertEquals(new Map([[1, 2]]), new Map([[1, 2]])), () => assertEquals(0, -0)],
      [() => assertNotEquals([1], [2]), () => assertNotEquals([1], [1])],
      [() => assertStrictEquals(list, list), () => assertStrictEquals([], [])],
      [() => assertExists(0), () => assertExists(null)],
      [() => assertInstanceOf([], Array), () => assertInstanceOf([], Map)],
      [() => assertMatch("abc", /b/), () => assertMatch("abc", /d/)],
      [() => assertStringIncludes("abc", "b"), () => assertStringIncludes("abc", "d")],
      [() => assertGreater(2, 1), () => assertGreater(1, 1)],
      [() => assertGreaterOrEqual(1, 1), () => assertGreaterOrEqual(0, 1)],
      [() => assertLess(1n, 2n), () => assertLess(1, 1)],
      [() => assertLessOrEqual(1, 1), () => assertLessOrEqual(2, 1)],
      [() => assertThrows(() => fail()), () => assertThrows(() => {})],
      [() => assertThrows(() => unreachable(), Error, "Unr"), () => unreachable()],
      [() => {}, () => assertThrows(() => fail("a"), TypeError)],
      [() => {}, () => assertThrows(() => fail("a"), Error, "b")],
    ];
    for (const [index, [good, bad]] of pairs.entries()) {
      good();
      const error = assertThrows(bad, AssertionError);
      assert(error.message !== "", `Needs a message: pair ${index}`);
    }
    const reason = new RangeError("Too far");
    const rejected = () => Promise.reject(reason);
    assertStrictEquals(await assertRejects(rejected, RangeError, "far"), reason);
    await assertRejects(() => assertRejects(rejected, TypeError), AssertionError, "TypeError");
    await assertRejects(() => assertRejects(() => Promise.resolve()), AssertionError, "rejected");
  });
  it("put the caller's message in front of the difference", () => {
    const error = assertThrows(() => assertEquals([1], [2], "Third byte"));
    assertMatch(error.message, /^Third byte: [^]*2/);
  });
});
