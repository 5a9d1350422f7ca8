import { fileURLToPath } from "node:url";

import { assert, assertEquals, assertStringIncludes } from "../../_assert.ts";
import { describe, it } from "../../_harness.ts";
import { failureOf, placeIn } from "../../../src/cli/dev/failure.ts";

/** Lines of stacks as the runtimes write them, and the place in each. */
const LINES: Record<string, ReturnType<typeof placeIn>> = {
  "    at find (file:///srv/app.ts:3:9)": { file: "/srv/app.ts", line: 3, column: 9 },
  "    at find (/srv/my app/app.ts:3:9)": { file: "/srv/my app/app.ts", line: 3, column: 9 },
  "    at async file:///srv/my%20app/app.ts:3:9": {
    file: "/srv/my app/app.ts",
    line: 3,
    column: 9,
  },
  "    at /srv/app.ts:3:9": { file: "/srv/app.ts", line: 3, column: 9 },
  "    at find (file:///C:/srv/app.ts:3:9)": { file: "C:/srv/app.ts", line: 3, column: 9 },
  "    at find (C:\\srv\\app.ts:3:9)": { file: "C:\\srv\\app.ts", line: 3, column: 9 },
  "/srv/app.ts:3": { file: "/srv/app.ts", line: 3 },
  "file:///srv/app.ts:3": { file: "/srv/app.ts", line: 3 },
  "SyntaxError: There is no export 'x' at file:///srv/app.ts:1:10": {
    file: "/srv/app.ts",
    line: 1,
    column: 10,
  },
  "    at file:///srv/app.ts:3:9 at ext:core/01_core.js:405:7": {
    file: "/srv/app.ts",
    line: 3,
    column: 9,
  },
  "Error: Look at this at /srv/app.ts:3:9": { file: "/srv/app.ts", line: 3, column: 9 },
  "    at run (node:internal/modules/esm/module_job:553:5)": undefined,
  "    at run (ext:core/01_core.js:405:7)": undefined,
  "    at find (https://jsr.io/@x/y/1.0.0/mod.ts:3:9)": undefined,
  "    at find (/srv/node_modules/x/index.js:3:9)": undefined,
  "    at find (C:\\srv\\node_modules\\x\\index.js:3:9)": undefined,
  "    at <anonymous>": undefined,
  "Error: a message with a:1:2": undefined,
  "    at find (file:///srv/%E0%A4%A.ts:3:9)": undefined,
};

describe("the place of a failure", () => {
  for (const [line, place] of Object.entries(LINES)) {
    it(`${place === undefined ? "is not" : "is"} in ${line.trim()}`, () => {
      assertEquals(placeIn([line]), place);
    });
  }

  it("is the first one in the application, and none of this library's", () => {
    const own = fileURLToPath(new URL("../../../src/server/service.ts", import.meta.url));
    const lines = [
      "Error: broken",
      "    at query (/srv/node_modules/db/index.js:3:9)",
      `    at callHandler (${own}:5:6)`,
      "    at find (/srv/app.ts:7:8)",
      "    at main (/srv/app.ts:9:10)",
    ];
    assertEquals(placeIn(lines), { file: "/srv/app.ts", line: 7, column: 8 });
  });
});

describe("a failure", () => {
  it("is described with its causes, where it was thrown", () => {
    const { name, message, trace, place } = failureOf(
      new TypeError("outer\nof two lines", { cause: new Error("inner") }),
    );
    assertEquals([name, message], ["TypeError", "outer\nof two lines"]);
    assertStringIncludes(trace, "\n    cause: Error: inner");
    assertEquals(place?.file, fileURLToPath(import.meta.url));
    assert(place!.line > 50);
  });

  it("has a place if the error says it itself", () => {
    const position = { file: "/srv/app.ts", line: 3, column: 4 };
    assertEquals(failureOf({ name: "BuildMessage", message: "no", position }).place, position);
  });

  it("is anything that can be thrown", () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    const thrown: [unknown, string][] = [
      ["text", "text"],
      [undefined, "undefined"],
      [proxy, "a value that cannot be described"],
    ];
    for (const [value, message] of thrown) {
      const failure = failureOf(value);
      assertEquals([failure.name, failure.message], ["Uncaught", message]);
      assertEquals(failure.place, undefined);
    }
  });
});
