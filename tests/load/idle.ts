/** What idle connections cost: `deno task idle [--connections=10000] [--runtime=deno,bun,node]`. */
import { parseArgs } from "node:util";
import type { Runtime } from "../_runtime.ts";
import { holdIdle, OTHER_DESCRIPTORS } from "./_idle_connections.ts";
import { skipDescriptors } from "./_server.ts";

const { values } = parseArgs({
  options: {
    connections: { type: "string", default: "10000" },
    runtime: { type: "string", default: "deno,bun,node" },
  },
});
const count = Number(values.connections);
const reason = await skipDescriptors(count + OTHER_DESCRIPTORS);
if (reason !== false) throw new Error(reason);
for (const on of values.runtime.split(",") as Runtime[]) {
  const { before, bytesEach, taken, kept } = await holdIdle(on, count);
  const megabytes = (before / 1024 / 1024).toFixed(0);
  console.log(
    `${on}: ${taken} connections cost ${(bytesEach / 1024).toFixed(1)} KiB each ` +
      `(before: ${megabytes} MB), and ${kept} descriptors were kept`,
  );
}
