/**
 * Where a path leads: to the application, with the parts that it gets of it, or to a file.
 *
 * The plan: a script comes first, if the path has one that exists; then what is to be tried, one
 * after the other; then the application that is mounted at `scriptName`. What nobody may see is not
 * there, so the application may still have a page for it.
 */
import type { FoundFile } from "../../runtime/files.ts";
import { encodePath } from "../../cgi/decode_path.ts";
import type { Look } from "./document_root.ts";
import { isSource } from "./names.ts";
import { type Split, splitsOf } from "./split.ts";
import { type Attempt, fillIn } from "./try_files.ts";

/** How a site is laid out. Paths are decoded, one code unit per byte. */
export interface Layout {
  /** Where the application is mounted: `""` or `/app`. */
  readonly scriptName: string | undefined;
  /**
   * Whether there are files; without them, and without a `scriptName`, all is the application's.
   */
  readonly hasFiles: boolean;
  /** What the names of scripts end in, such as `.php`. */
  readonly endings: readonly string[];
  /** The names of the files that stand for their directory. */
  readonly index: readonly string[];
  /** What is tried where the path is that of no script. */
  readonly attempts: readonly Attempt[];
}

/** Where a request goes. */
export type Route =
  /** To a script in the document root. */
  | {
    readonly kind: "script";
    readonly script: string;
    readonly pathInfo: string;
    /** The query that replaces the client's. */
    readonly query?: string | undefined;
  }
  /** To the application, which may be mounted at `scriptName`. */
  | { readonly kind: "application"; readonly scriptName?: string; readonly pathInfo?: string }
  | { readonly kind: "file"; readonly file: FoundFile }
  /** To the same path with a slash behind it, encoded. */
  | { readonly kind: "redirect"; readonly path: string }
  | { readonly kind: "status"; readonly status: number };

const NOT_FOUND: Route = { kind: "status", status: 404 };

/** A site as one request sees it. */
interface View {
  readonly layout: Layout;
  readonly look: Look;
}

/**
 * Finds where a request goes.
 *
 * @param path Decoded, one code unit per byte, without dot segments (`decodePath`).
 * @param args The query, without its question mark.
 * @param look Finds files; nothing without a document root.
 * @throws What `look` does.
 */
export function route(
  path: string,
  args: string,
  layout: Layout,
  look: Look,
): Route {
  const view = { layout, look };
  const script = findScript(path, view);
  if (script !== undefined) return { kind: "script", ...script };
  for (const attempt of layout.attempts) {
    const found = follow(attempt, path, args, view);
    if (found !== undefined) return found;
  }
  return theRest(layout, path);
}

/** The script in a path; the first part of it that is one. */
function findScript(path: string, { layout, look }: View): Split | undefined {
  for (const split of splitsOf(path, layout.endings)) {
    const found = look(split.script);
    if (found?.kind === "file") return split;
    // Below what is not there, nothing is.
    if (found === undefined) return undefined;
  }
  return undefined;
}

function follow(
  attempt: Attempt,
  uri: string,
  args: string,
  view: View,
): Route | undefined {
  if (attempt.kind === "status") return attempt;
  const path = fillIn(attempt.path, { uri, args });
  if (attempt.kind === "directory") {
    return openDirectory(path.replace(/\/+$/, "/"), uri, view);
  }
  const query = attempt.query === undefined
    ? undefined
    : fillIn(attempt.query, { uri: encodePath(uri), args });
  const script = path === uri ? undefined : findScript(path, view);
  if (script !== undefined) return { kind: "script", ...script, query };
  return openFile(path, view);
}

function openFile(path: string, { layout, look }: View): Route | undefined {
  // A name and what it leads to: a symbolic link may have any.
  if (isSource(lastName(path), layout.endings)) return undefined;
  const found = look(path);
  if (found?.kind !== "file" || isSource(lastName(found.realPath), layout.endings)) {
    return undefined;
  }
  return { kind: "file", file: found };
}

/**
 * The index of a directory. A path without its slash is redirected first, for the sake of relative
 * links; but only to a directory that has an index.
 */
function openDirectory(path: string, uri: string, view: View): Route | undefined {
  const { layout, look } = view;
  if ((look(path))?.kind !== "directory") return undefined;
  for (const name of layout.index) {
    const isScript = layout.endings.some((ending) => name.endsWith(ending));
    const found = (isScript ? openScript : openFile)(path + name, view);
    if (found === undefined) continue;
    return path === `${uri}/` ? { kind: "redirect", path: encodePath(path) } : found;
  }
  return undefined;
}

function openScript(path: string, { look }: View): Route | undefined {
  const isThere = (look(path))?.kind === "file";
  return isThere ? { kind: "script", script: path, pathInfo: "" } : undefined;
}

/** What is no file is the application's, if it is at or below the place where that is mounted. */
function theRest({ scriptName, hasFiles }: Layout, path: string): Route {
  if (scriptName === undefined) return hasFiles ? NOT_FOUND : { kind: "application" };
  const pathInfo = path.slice(scriptName.length);
  const isBelow = path.startsWith(scriptName) && (pathInfo === "" || pathInfo.startsWith("/"));
  return isBelow ? { kind: "application", scriptName, pathInfo } : NOT_FOUND;
}

function lastName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
