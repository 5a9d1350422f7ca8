// Section "engine": the program in engine/, in a fresh process on a runtime, beside the `src` of
// another commit if that is asked for.

import type { Case } from "./cases.ts";
import type { Sample } from "./sample.ts";
import { findTool, output } from "./tools.ts";
import { source } from "./workshop.ts";

const ROOT = source("../../");
/** Milliseconds beyond what the measurement takes. */
const PATIENCE = 30_000;

/** Puts the `src` of a commit into `folder`, and resolves with its path. */
export async function sourceOf(revision: string, folder: string): Promise<string> {
  const [git, tar] = [await findTool("git", "apt-get install git"), await findTool("tar", "tar")];
  const archive = `${folder}/base.tar`;
  try {
    await output([git, "-C", ROOT, "archive", "-o", archive, revision, "src"]);
  } catch (error) {
    throw new TypeError(`--base: ${(error as Error).message}`);
  }
  await output([tar, "-C", folder, "-xf", archive]);
  return `${folder}/src`;
}

export interface EngineTarget {
  /** The runtime, pinned. */
  runtime: string[];
  /** The `src` to compare with, `""` for none. */
  base: string;
  seconds: number;
  warmup: number;
}

export async function measureEngine(target: EngineTarget, kase: Case): Promise<Sample> {
  const { runtime, base, seconds, warmup } = target;
  const sources = [`${ROOT}src`, ...base ? [base] : []];
  const args = [kase.name, `${seconds}`, `${warmup}`, ...sources];
  // A reply that never ends would never end this.
  const signal = AbortSignal.timeout((seconds + warmup) * 1000 + PATIENCE);
  const { stdout } = await output([...runtime, source("engine/main.ts"), ...args], { signal });
  return JSON.parse(stdout) as Sample;
}
