import {
  describe as explain,
  describeThrown,
  lineOf,
  messageOf,
  summarize,
} from "../../src/log/describe.ts";
import { assert, assertEquals, assertLess, assertMatch, assertStringIncludes } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { THROWN } from "../_thrown.ts";

// deno-lint-ignore no-control-regex
const CONTROLS = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

describe("describe", () => {
  for (const [name, make] of Object.entries(THROWN)) {
    it(`has a text for ${name}, not too long, all of whose further lines are indented`, () => {
      const value = make();
      for (
        const text of [explain(value), describeThrown(value), explain(value, { stack: false })]
      ) {
        assertEquals(typeof text, "string");
        assertLess(0, text.length);
        assertLess(text.length, 100_000);
        assert(!CONTROLS.test(text), "It has a control character");
        for (const line of text.split("\n").slice(1)) assertEquals(line.slice(0, 4), "    ");
      }
      for (const text of [lineOf(value), messageOf(value), summarize(value)]) {
        assertEquals(typeof text, "string");
      }
      assertEquals(lineOf(value).includes("\n") || summarize(value).includes("\n"), false);
    });
  }

  it("shows name, message and stack of an error, and its causes", () => {
    const inner = new TypeError("The inner one");
    const [title, ...lines] = explain(new RangeError("The outer one", { cause: inner })).split(
      "\n",
    );
    assertEquals(title, "RangeError: The outer one");
    assertMatch(lines[0]!, /^ {4}at .*describe_test\.ts:\d+:\d+/);
    const cause = lines.findIndex((line) => line.startsWith("    cause: "));
    assertEquals(lines[cause], "    cause: TypeError: The inner one");
    assertMatch(lines[cause + 1]!, /^ {8}at .*describe_test\.ts:\d+:\d+/);
  });

  it("shows the stack of an error whose message has changed, or has lines of its own", () => {
    const changed = new Error("Before");
    void changed.stack;
    changed.message = "After";
    const text = explain(changed);
    assertEquals(text.split("\n")[0], "Error: After");
    assertMatch(text.split("\n")[1]!, /^ {4}at .*describe_test\.ts/);

    const long = explain(new Error("One\nTwo\n    at three"));
    assertEquals(long.split("\n")[0], "Error: One Two at three");
    assertMatch(long.split("\n")[1]!, /^ {4}at .*describe_test\.ts/);
  });

  it("shows the stack behind a message of megabytes", () => {
    assertStringIncludes(explain(new Error("x".repeat(1_000_000))), "describe_test.ts");
  });

  it("shows each error of an AggregateError", () => {
    const all = new AggregateError([new Error("First"), "second", new TypeError("Third")], "All");
    const lines = explain(all, { stack: false }).split("\n");
    assertEquals(lines, [
      "AggregateError: All",
      "    errors[0]: Error: First",
      "    errors[1]: second",
      "    errors[2]: TypeError: Third",
    ]);
  });

  it("says of causes in a circle that they are", () => {
    const outer = new Error("Outer");
    outer.cause = new Error("Inner", { cause: outer });
    assertEquals(explain(outer, { stack: false }).split("\n"), [
      "Error: Outer",
      "    cause: Error: Inner",
      "        cause: (described above)",
    ]);
  });

  it("loses nothing of an error for what cannot be described of it", () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    const text = explain(new Error("Known", { cause: proxy }));
    assertStringIncludes(text, "Error: Known");
    assertStringIncludes(text, "describe_test.ts");
    assertStringIncludes(text, "cause: a value that cannot be described");
  });

  it("shows an object's properties, or the text it has for itself", () => {
    class Redirect {
      status = 302;
      location = "/login";
      headers = {};
    }
    const shown: [unknown, string][] = [
      [{ status: 404 }, "Object { status: 404 }"],
      [new Redirect(), "Redirect { status: 302, location: /login, headers: [object] }"],
      [{}, "Object {}"],
      [Object.create(null), "Object {}"],
      [[1, 2, 3], "Array(3)"],
      [new Uint8Array(5), "Uint8Array(5)"],
      [new URL("http://example.org/x"), "http://example.org/x"],
      [undefined, "undefined"],
      [null, "null"],
      [Symbol("s"), "Symbol(s)"],
      [function named() {}, "[Function: named]"],
      ["text", "text"],
    ];
    for (const [value, text] of shown) assertEquals(explain(value), text);
  });
});

describe("describeThrown", () => {
  it("says of what is no error that it was thrown", () => {
    assertEquals(describeThrown(42), "Uncaught 42");
    assertEquals(describeThrown(new Error("x")).split("\n")[0], "Error: x");
  });
});

describe("lineOf", () => {
  it("is text as it is, without control characters", () => {
    assertEquals(
      lineOf("a\nb\r\n\u2028c\u0085d\x9b31me\x1b[1mf\u202eg\u2066h\0\u200e\u200f\u061c"),
      "a b c d 31me [1mf g h",
    );
    assertEquals(lineOf("Grüße € 日本 😀  two spaces"), "Grüße € 日本 😀  two spaces");
  });

  it("is the whole description of an error in one line", () => {
    const line = lineOf(new TypeError("Not\na function", { cause: new Error("Why") }));
    assert(line.startsWith("TypeError: Not a function at "), line);
    assertStringIncludes(line, "describe_test.ts");
    assertStringIncludes(line, " cause: Error: Why at ");
  });
});
