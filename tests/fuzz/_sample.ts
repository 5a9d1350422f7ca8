/** A target that fails, for the tests of the fuzzer; as a program: it fails behind the back. */
import process from "node:process";
import { pathToFileURL } from "node:url";
import { fuzz, type Target } from "./_fuzz.ts";
import { caught, turn } from "./_watch.ts";

/** Does not hold when a 9 comes behind a 7. */
export function sample(how: "throws" | "rejects" | "unhandled"): Target<number> {
  return {
    name: "sample",
    invariant: "No 9 comes behind a 7",
    generate: (random) => Array.from({ length: 20 }, () => random.below(10)),
    run(steps) {
      const at = steps.indexOf(7);
      if (at < 0 || !steps.slice(at).includes(9)) return;
      const error = new Error("A 9 behind a 7");
      if (how === "throws") throw error;
      if (how === "rejects") return Promise.reject(error);
      void Promise.reject(error);
      return turn();
    },
  };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const failure = await caught(async () => {
    await fuzz(sample("unhandled"), { seed: 5, cases: 100 });
  });
  console.log(String(failure?.reason));
}
