/** The report of the runner that adds it all up. */
import { assertEquals } from "./_assert.ts";
import { describe, it } from "./_harness.ts";
import { readReport } from "./run.ts";

describe("readReport", () => {
  it("counts what each runner writes, and takes nothing for nothing", () => {
    const report = `<testsuites><testsuite name="a">
      <testcase name="a > ok" time="0.1"/>
      <testcase name="b &gt; ok" file="b.ts">
      </testcase>
      <testcase name="c [skip: &amp;quot;x&amp;quot; &amp; &lt;y&gt;]"><skipped type="skipped"/></testcase>
      <testcase name="d" failure="boom"><failure message="boom">Error &lt;/testcase></failure></testcase>
      </testsuite></testsuites>`;
    const skipped = ['c [skip: "x" & <y>]'];
    assertEquals(readReport(report), { passed: 2, failed: ["d"], skipped });
    assertEquals(readReport(""), { passed: 0, failed: [], skipped: [] });
  });
});
