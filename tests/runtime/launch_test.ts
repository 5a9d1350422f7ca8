import { readdirSync } from "node:fs";
import { join } from "node:path";
import { assertEquals, assertRejects } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { tempDir } from "../_runtime.ts";
import { launch } from "../../src/runtime/listen/launch.ts";

describe("launch", () => {
  // Deno keeps the channel of a process that could not be started, and all keep the signals.
  const options = { sanitize: false };
  it("leaves nothing behind where the program cannot be started", options, async () => {
    await using directory = await tempDir();
    const path = join(directory.path, "fcgi.sock");
    // Node and Bun throw for such an argument, Deno emits an event.
    await assertRejects(() => launch([{ path }], () => ["a\0b"]));
    assertEquals(readdirSync(directory.path), []);
  });
});
