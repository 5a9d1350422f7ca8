import { assert, assertEquals, assertStringIncludes } from "../../_assert.ts";
import { describe, it } from "../../_harness.ts";
import { excerptOf } from "../../../src/cli/dev/excerpt.ts";
import { pageHtml, pageText, type Report } from "../../../src/cli/dev/page.ts";

const SOURCE = Array.from({ length: 20 }, (_, index) => `line ${index + 1}`).join("\n");
const EVIL = `</code></pre><script>alert("1" + '2')</script>&`;

const REPORT: Report = {
  what: "GET /users",
  failure: {
    name: "TypeError",
    message: "broken",
    trace: "TypeError: broken\n    at find (/srv/app.ts:10:9)",
    place: { file: "/srv/app.ts", line: 10, column: 9 },
  },
  excerpt: excerptOf(SOURCE, 10),
};

describe("the excerpt of a source", () => {
  const numbers = (line: number, source = SOURCE) =>
    excerptOf(source, line).map(({ number, isIt }) => isIt ? -number : number);

  it("is the line with four on each side", () => {
    assertEquals(numbers(10), [6, 7, 8, 9, -10, 11, 12, 13, 14]);
    assertEquals(excerptOf(SOURCE, 10)[4], { number: 10, text: "line 10", isIt: true });
  });

  it("ends with the file", () => {
    assertEquals(numbers(1), [-1, 2, 3, 4, 5]);
    assertEquals(numbers(20), [16, 17, 18, 19, -20]);
    assertEquals(numbers(1, "one"), [-1]);
  });

  it("is empty if there is no such line", () => {
    for (const line of [0, -1, 21, NaN]) assertEquals(numbers(line), []);
  });

  it("has no line feeds of Windows, and a part of a line that is endless", () => {
    assertEquals(excerptOf("a\r\nb", 1).map(({ text }) => text), ["a", "b"]);
    assertEquals(excerptOf("x".repeat(100_000), 1)[0]!.text.length, 400);
  });
});

describe("the page of an error", () => {
  it("shows message, source and stack", () => {
    const html = pageHtml(REPORT);
    assertStringIncludes(html, "<title>TypeError: broken</title>");
    assertStringIncludes(html, "<h2>/srv/app.ts:10:9</h2>");
    assertStringIncludes(html, `<span class="line it"><b>10</b>line 10</span>`);
    assertStringIncludes(html, `<span class="line"><b>11</b>line 11</span>`);
    assertStringIncludes(html, `<span class="line">    at find (/srv/app.ts:10:9)</span>`);
  });

  it("escapes whatever is not its own", () => {
    const place = { file: EVIL, line: 1, column: 1 };
    const html = pageHtml({
      what: EVIL,
      failure: { name: EVIL, message: EVIL, trace: EVIL, place },
      excerpt: [{ number: 1, text: EVIL, isIt: true }],
    });
    assert(!html.includes("<script"), html);
    // The title, and each of the six.
    assertEquals(html.split("&lt;script&gt;alert(&quot;1&quot; + &#39;2&#39;)").length - 1, 8);
  });

  it("has the first line of a message as its title: the others are in columns", () => {
    const message = "Unexpected token\n   |\n12 | {{";
    const failure = { ...REPORT.failure, message, trace: `SyntaxError: ${message}` };
    const html = pageHtml({ ...REPORT, failure });
    assertStringIncludes(html, "<h1><span>TypeError:</span> Unexpected token</h1>");
    assertStringIncludes(html, '<span class="line">12 | {{</span>');
  });

  it("has no colors of compilers", () => {
    const failure = { ...REPORT.failure, message: "\x1b[31mred\x1b[0m" };
    assertStringIncludes(pageHtml({ ...REPORT, failure }), "</span> red</h1>");
    assertStringIncludes(pageText({ ...REPORT, failure }), "\nTypeError: red\n");
  });

  it("is text, too", () => {
    const lines = [6, 7, 8, 9, 10, 11, 12, 13, 14].map((number) =>
      `${number === 10 ? ">" : " "} ${String(number).padStart(2)} | line ${number}`
    );
    assertEquals(pageText(REPORT).split("\n"), [
      ...["GET /users", "", "TypeError: broken", "", "/srv/app.ts:10:9", ...lines, ""],
      ...["    at find (/srv/app.ts:10:9)", ""],
    ]);
  });

  it("has no source if it is not known", () => {
    const failure = { name: "Error", message: "m", trace: "Error: m" };
    const report = { what: "GET /", failure, excerpt: [] };
    assertEquals(pageText(report), "GET /\n\nError: m\n");
    assertEquals(pageHtml(report).match(/<h2>.*<\/h2>/g), ["<h2>Stack</h2>"]);
  });
});
