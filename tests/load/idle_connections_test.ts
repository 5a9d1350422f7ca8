/** What a connection costs that nobody uses, and that ten thousand of them disturb nobody. */
import { assertEquals, assertLess } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { runtime } from "../_runtime.ts";
import { holdIdle, OTHER_DESCRIPTORS } from "./_idle_connections.ts";
import { skipDescriptors } from "./_server.ts";

const COUNT = 10_000;
/**
 * The most bytes of memory (RSS) that one may cost: a buffer of 16 KiB for each would be seen. See
 * `idle.ts` for figures.
 */
const BYTES_EACH = 16 * 1024;

const skip = await skipDescriptors(COUNT + OTHER_DESCRIPTORS);

describe("serve", { skip, timeout: 60_000 }, () => {
  it(`holds ${COUNT} idle kept connections, and answers on a new one and on each of them`, async () => {
    const { bytesEach, taken, kept } = await holdIdle(runtime, COUNT);
    assertEquals(taken, COUNT);
    assertEquals(kept, 0);
    assertLess(bytesEach, BYTES_EACH);
  });
});
