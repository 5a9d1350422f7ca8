import { cgiTarget } from "./_cgi.ts";
import { clientTarget } from "./_client.ts";
import { connectionTarget } from "./_connection.ts";
import { decoderTarget } from "./_decoder.ts";
import type { Target } from "./_fuzz.ts";

/** Everything that is fuzzed. */
// deno-lint-ignore no-explicit-any -- each has steps of its own
export const targets: readonly Target<any>[] = [
  decoderTarget,
  connectionTarget,
  cgiTarget,
  clientTarget,
];
