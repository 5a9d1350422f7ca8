import { assertEquals } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { allocate } from "../../src/protocol/allocate.ts";

describe("allocate", () => {
  it("never gives the same byte twice: what was handed out may not have left yet", () => {
    const sizes = [24, 1, 0, 4096, 200, 4097, 65_536, 8];
    const all = Array.from({ length: 400 }, (_, i) => allocate(sizes[i % sizes.length]).fill(i));
    all.forEach((bytes, i) => {
      assertEquals([bytes.length, bytes.every((byte) => byte === i % 256)], [sizes[i % 8], true]);
    });
  });

  it("gives zeroes", () => {
    for (let i = 0; i < 400; i++) {
      const bytes = allocate(1000);
      assertEquals(bytes.every((byte) => byte === 0), true);
      bytes.fill(0xff);
    }
  });
});
