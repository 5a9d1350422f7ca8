/** Tests a configuration by its server's own program. */
import { messageOf } from "../../log/describe.ts";
import { findProgram, runProgram, withFiles } from "../../runtime/run_program.ts";
import type { ConfigurationTest } from "./kind.ts";

/** The lines that say what came of it. */
export interface Verdict {
  readonly isGood: boolean;
  readonly lines: readonly string[];
}

/** Runs the test. */
export async function check(test: ConfigurationTest, text: string): Promise<Verdict> {
  const { program } = test;
  const file = findProgram(program);
  if (file === undefined) return bad(`Not tested: ${program} is not installed here`);
  try {
    return await withFiles(test.files(text), async (directory) => {
      const { code, output } = await runProgram(file, test.args(directory));
      if (code === 0) return { isGood: true, lines: [`${program} takes it`] };
      const said = output.trim().split("\n").map((line) => `    ${line}`);
      return bad(`${program} does not take it:`, ...said);
    });
  } catch (error) {
    return bad(`Not tested: ${messageOf(error)}`);
  }
}

function bad(...lines: readonly string[]): Verdict {
  return { isGood: false, lines };
}
