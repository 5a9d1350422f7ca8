/** Which files are the source of an application. */
import type { Watched } from "../../runtime/watch_files.ts";

/** Modules, and what they are often made with or read. */
const SOURCE =
  /\.(?:[cm]?[jt]sx?|json[c5]?|html?|css|scss|sass|less|vue|svelte|astro|mdx?|ejs|eta|hbs|njk|pug|liquid|ya?ml|toml|graphql|gql|sql|wasm)$/i;

/** What is watched below directories; no file or directory of an ignored name. */
export function sourcesIn(directories: readonly string[], ignored: readonly string[]): Watched {
  const counts = (name: string) =>
    !name.startsWith(".") && name !== "node_modules" && !ignored.includes(name);
  return {
    directories,
    isFile: (name) => counts(name) && SOURCE.test(name),
    isDirectory: counts,
  };
}
