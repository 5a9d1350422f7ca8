import { assertEquals } from "../../_assert.ts";
import { describe, it } from "../../_harness.ts";
import { Loops } from "../../../src/cli/dev/loops.ts";

describe("files that an application writes while it starts", () => {
  it("count no more when that goes on", () => {
    const ignored: string[] = [];
    const loops = new Loops((path) => ignored.push(path));
    for (let start = 1_000; start < 5_000; start += 1_000) {
      const files = [{ path: "made.ts", time: start + 100 }];
      assertEquals(loops.filter(files, { from: start, to: start + 200 }), ["made.ts"]);
    }
    const files = [{ path: "made.ts", time: 5_100 }, { path: "app.ts", time: 5_100 }];
    assertEquals(loops.filter(files, { from: 5_000, to: 5_200 }), ["app.ts"]);
    assertEquals(loops.filter(files, { from: 6_000, to: 6_200 }), ["app.ts"]);
    assertEquals(ignored, ["made.ts"]);
  });

  it("count on if they change at another time, too", () => {
    const loops = new Loops(() => {});
    const start = { from: 1_000, to: 1_200 };
    for (let i = 0; i < 20; i++) {
      const time = i % 4 === 3 ? 2_000 : 1_100;
      assertEquals(loops.filter([{ path: "app.ts", time }], start), ["app.ts"]);
    }
  });
});
