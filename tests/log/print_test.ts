import { print, printLine, printThrown } from "../../src/log/print.ts";
import { tell } from "../../src/log/tell.ts";
import { assertEquals, assertLess } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { captureConsoleError } from "../_console.ts";
import { THROWN } from "../_thrown.ts";

/** What was printed meanwhile. */
async function printed(body: () => void | Promise<void>): Promise<string[]> {
  return (await captureConsoleError(async () => await body())).map(([text]) => text as string);
}

describe("print", () => {
  it("prints a line, and below it only what is indented", async () => {
    const texts = await printed(() => {
      print("one");
      print("one\n    two\n        three");
      print("one\ntwo\n  three\r\n    four\u2028five\x1b[1m");
    });
    assertEquals(texts, [
      "one",
      "one\n    two\n        three",
      "one two three\n    four five [1m",
    ]);
  });

  it("gives the console nothing to fill in", async () => {
    assertEquals(await printed(() => print("100 %s %d %o %c")), ["100 %s %d %o %c"]);
  });

  it("prints no more than what somebody may read", async () => {
    const [text] = await printed(() => print("x".repeat(10_000_000)));
    assertLess(text!.length, 100_000);
  });

  it("does not throw where the console does", () => {
    const { error } = console;
    console.error = () => {
      throw new Error("ENOSPC");
    };
    try {
      print("one");
      printLine(new Error("two"));
      printThrown(null);
    } finally {
      console.error = error;
    }
  });
});

describe("tell", () => {
  it("prints what the function throws, or rejects with", async () => {
    const texts = await printed(async () => {
      tell(() => {
        // deno-lint-ignore no-throw-literal
        throw "thrown";
      });
      tell(() => Promise.reject("rejected"));
      tell(() => ({
        get then() {
          // deno-lint-ignore no-throw-literal
          throw "by a getter";
        },
      }));
      tell(() => 42);
      tell(() => Promise.resolve());
      await new Promise((resolve) => setTimeout(resolve, 0));
    });
    assertEquals(texts.sort(), [
      "Uncaught by a getter",
      "Uncaught rejected",
      "Uncaught thrown",
    ]);
  });

  for (const [name, make] of Object.entries(THROWN)) {
    it(`survives ${name}, returned, thrown and rejected with`, async () => {
      await printed(async () => {
        tell(make);
        tell(() => {
          throw make();
        });
        tell(() => Promise.reject(make()));
        await new Promise((resolve) => setTimeout(resolve, 0));
      });
    });
  }
});
