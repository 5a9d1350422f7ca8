import { StderrLines } from "../../src/client/stderr_lines.ts";
import { concat, everySplit, utf8 } from "../_bytes.ts";
import { assertEquals } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { captureConsoleError } from "../_console.ts";

function lines(...parts: Uint8Array[]): string[] {
  const found: string[] = [];
  const stderr = new StderrLines((line) => found.push(line));
  for (const part of parts) stderr.push(part);
  stderr.end();
  return found;
}

describe("StderrLines", () => {
  it("cuts at line ends, wherever the records were cut", () => {
    const content = utf8("größer\r\n\nlast ✓\nopen");
    for (const [head, tail] of everySplit(content)) {
      assertEquals(lines(head, tail), ["größer", "", "last ✓", "open"]);
    }
  });

  it("has no empty line at the end", () => {
    assertEquals(lines(utf8("one\n")), ["one"]);
    assertEquals(lines(), []);
  });

  it("does not gather a line without end", () => {
    const parts = Array.from({ length: 5 }, () => utf8("x".repeat(10_000)));
    const found = lines(...parts);
    assertEquals(found.join(""), "x".repeat(50_000));
    assertEquals(found.length > 1, true);
  });

  it("shows bytes that are no UTF-8 as such", () => {
    assertEquals(lines(concat([utf8("a"), new Uint8Array([0xff, 10])])), ["a\ufffd"]);
  });

  it("goes on behind a listener that throws, which is printed", async () => {
    const found: string[] = [];
    const printed = await captureConsoleError(() => {
      const stderr = new StderrLines((line) => {
        found.push(line);
        throw Object.create(null);
      });
      stderr.push(utf8("one\ntwo\nthree"));
      stderr.end();
      return Promise.resolve();
    });
    assertEquals(found, ["one", "two", "three"]);
    assertEquals(printed, Array(3).fill(["Uncaught Object {}"]));
  });
});
