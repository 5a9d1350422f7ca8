/** Preloaded by a runner (`--preload`, Node: `--import`), it has tests run the plain way. */
import { closeDoors } from "./_plain.ts";

closeDoors();
