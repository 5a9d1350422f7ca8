/** Names of modules on a command line: files, as long as they do not begin like a URL. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { assertEquals, assertRejects } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { tempDir } from "../_runtime.ts";
import { isFileName, loadModule, NoFileError } from "../../src/runtime/load_module.ts";

describe("loadModule", () => {
  it("loads a file by its path and by its URL", async () => {
    await using directory = await tempDir();
    const path = join(directory.path, "app.ts");
    await writeFile(path, "export default 1 as number;");
    for (const name of [path, pathToFileURL(path).href]) {
      assertEquals((await loadModule(name) as { default: unknown }).default, 1, name);
    }
  });

  it("looks in no registry for a word that is no file", async () => {
    // Not the name of a package that exists: Bun would run it if this went wrong.
    for (const name of ["none", "@fastcgi/none", "none.ts", "none.js"]) {
      await assertRejects(() => loadModule(name), NoFileError, "There is no file /");
    }
  });

  it("says what may have been meant", async () => {
    await using directory = await tempDir();
    const path = join(directory.path, "app");
    await writeFile(`${path}.mjs`, "");
    const missing = `There is no file ${path}; did you mean ${path}.mjs?`;
    await assertRejects(() => loadModule(path), NoFileError, missing);
    await mkdir(path);
    await assertRejects(() => loadModule(path), NoFileError, `${path} is a directory; name`);
  });

  it("takes a name with a scheme for a specifier", () => {
    for (const name of ["npm:hono", "jsr:@hono/hono", "https://x.example/app.ts", "node:http"]) {
      assertEquals(isFileName(name), false, name);
    }
    for (const name of ["app", "./app.ts", "/app.ts", "..", "C:\\app.ts", "a/b:c.ts"]) {
      assertEquals(isFileName(name), true, name);
    }
  });
});
