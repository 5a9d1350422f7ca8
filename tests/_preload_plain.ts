/**
 * `deno test --preload`, `bun test --preload` or `node --import` of this runs tests the plain way.
 */
import { closeDoors } from "./_plain.ts";

closeDoors();
