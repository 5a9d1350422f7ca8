/** The files below a document root, as far as the web may know of them. */
import type { Files, FoundFile, OpenFile } from "../../runtime/files.ts";
import { textOf } from "../../log/describe.ts";
import { isHidden } from "./names.ts";

// As loaded: applications replace the global.
const { TextDecoder } = globalThis;

const strictUtf8 = new TextDecoder("utf-8", { fatal: true });

/** Finds what is at a decoded path, one code unit per byte, if it is there for the web. */
export type Look = (path: string) => FoundFile | undefined;

/** A file that is there, or was a moment ago, and must not be read. */
export class NotReadable extends Error {
  /** The status that says so. */
  readonly status: 403 | 404;

  constructor(status: 403 | 404, cause: unknown) {
    super("The file cannot be read", { cause });
    this.status = status;
  }
}

/** A document root. */
export class DocumentRoot {
  /** Its path, absolute, with its own symbolic links. */
  readonly path: string;
  readonly #files: Files;
  readonly #followsLinks: boolean;

  constructor(path: string, files: Files, { followSymlinks }: { followSymlinks: boolean }) {
    this.path = files.absolute(path);
    this.#files = files;
    this.#followsLinks = followSymlinks;
  }

  /**
   * The files as one request sees them: a deployment may change where the links of the root lead.
   *
   * It finds nothing where the web must see nothing: dot files, what a symbolic link leads to
   * outside of the root, names that are not UTF-8. It throws `NotReadable`, any other error of the
   * system, and if the root does not exist.
   */
  view(): Look {
    let root: string | undefined;
    return (path) => {
      root ??= this.#realPath();
      const name = fileName(path);
      const found = name === undefined ? undefined : this.#find(join(this.path, name));
      // Some systems ignore a slash behind a file.
      if (path.endsWith("/") && found?.kind !== "directory") return undefined;
      return found && (this.#followsLinks || isBelow(found.realPath, root)) ? found : undefined;
    };
  }

  /**
   * Opens a file that was found.
   *
   * @throws {NotReadable}
   * @throws {Error} Any other error of the system.
   */
  open(found: FoundFile): OpenFile {
    try {
      return this.#files.open(found.realPath);
    } catch (error) {
      throw denied(error);
    }
  }

  #find(path: string): FoundFile | undefined {
    try {
      return this.#files.find(path);
    } catch (error) {
      throw denied(error);
    }
  }

  #realPath(): string {
    const found = this.#files.find(this.path);
    if (found?.kind === "directory") return found.realPath;
    throw new Error(`Cannot find the root: ${this.path} is no directory`);
  }
}

/** Tells what the file's owner wants, or has just done, from what goes wrong. */
function denied(error: unknown): unknown {
  const code = textOf(error, "code");
  // ELOOP: in the meantime it was replaced by a symbolic link.
  if (code === "ENOENT" || code === "ELOOP") return new NotReadable(404, error);
  return code === "EACCES" ? new NotReadable(403, error) : error;
}

function isBelow(path: string, root: string): boolean {
  return path === root || path.startsWith(join(root, "/"));
}

/** A path below a root; both begin with a slash, or the root with a drive. */
function join(root: string, path: string): string {
  return root === "/" ? path : root + path;
}

/** A path as the text that file names are; `undefined` for one that no file may have. */
function fileName(path: string): string | undefined {
  if (isHidden(path) || path.includes("\0")) return undefined;
  if (/^[\0-\x7f]*$/.test(path)) return path;
  try {
    return strictUtf8.decode(Uint8Array.from(path, (unit) => unit.charCodeAt(0)));
  } catch {
    return undefined;
  }
}
