import { mkdir, rename, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { assert, assertEquals } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { tempDir, waitUntil } from "../_runtime.ts";
import { isDirectory, watchFiles } from "../../src/runtime/watch_files.ts";

describe("watching files", () => {
  it("sees what is written, made, moved and removed, in new directories too", async () => {
    await using directory = await tempDir();
    const { path } = directory;
    const write = (name: string, text: string) => writeFile(join(path, name), text);
    await mkdir(join(path, "sub"));
    await write("a.ts", "1");
    await write("sub/b.ts", "1");
    let seen: string[] = [];
    const stop = watchFiles({
      directories: [path],
      isFile: (name) => name.endsWith(".ts"),
      isDirectory: (name) => name !== "node_modules",
    }, (files) => seen.push(...files.map((file) => file.path)));
    const see = async (...names: string[]) => {
      const wanted = names.map((name) => join(path, name)).sort();
      await waitUntil(() => wanted.every((name) => seen.includes(name)), {
        what: `${wanted}, and not ${seen}`,
      });
      assertEquals([...new Set(seen)].sort(), wanted);
      seen = [];
    };
    try {
      await write("a.ts", "12");
      await see("a.ts");
      await write("sub/b.ts", "12");
      await see("sub/b.ts");
      await mkdir(join(path, "new/deep"), { recursive: true });
      await write("new/deep/c.ts", "1");
      await see("new/deep/c.ts");
      await write("new/deep/c.ts", "12");
      await see("new/deep/c.ts");
      // As editors do it.
      await write("a.tmp", "other");
      await rename(join(path, "a.tmp"), join(path, "a.ts"));
      await see("a.ts");
      await utimes(join(path, "a.ts"), 1, 1);
      await see("a.ts");
      await rm(join(path, "new"), { recursive: true });
      await see("new/deep/c.ts");
      await mkdir(join(path, "node_modules"));
      await write("node_modules/d.ts", "1");
      await write("e.log", "1");
      await write("f.ts", "1");
      await see("f.ts");
    } finally {
      stop();
    }
  });

  it("is over when it is told so", async () => {
    await using directory = await tempDir();
    const seen = { first: 0, second: 0 };
    const watched = { directories: [directory.path], isFile: () => true, isDirectory: () => true };
    const stop = watchFiles(watched, () => void seen.first++);
    const stopSecond = watchFiles(watched, () => void seen.second++);
    stop();
    await writeFile(join(directory.path, "a.ts"), "1");
    await waitUntil(() => seen.second > 0);
    stopSecond();
    assertEquals(seen.first, 0);
  });

  it("is of directories", async () => {
    await using directory = await tempDir();
    await writeFile(join(directory.path, "a.ts"), "1");
    assert(isDirectory(directory.path));
    assert(!isDirectory(join(directory.path, "a.ts")));
    assert(!isDirectory(join(directory.path, "none")));
  });
});
