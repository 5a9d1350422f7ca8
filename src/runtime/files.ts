/**
 * Files to be read by a web server, through `node:fs`, which all three runtimes have. On Deno they
 * need `--allow-read` for the document root.
 */
import { constants } from "node:fs";
import { open, realpath, stat } from "node:fs/promises";
import { resolve } from "node:path";
import process from "node:process";
import { textOf } from "../log/describe.ts";

const { Promise } = globalThis;

/** What the gateway needs of a file system. Paths are absolute, with slashes on every system. */
export interface Files {
  /** Makes a path absolute; without a slash at its end, unless it is that alone. */
  absolute(path: string): string;
  /**
   * Finds what is at a path; `undefined` if nothing, or what can be no file of a web server, such
   * as a socket.
   *
   * @throws {Error} If the system does not tell; `code` is its own, such as `"EACCES"`.
   */
  find(path: string): Promise<FoundFile | undefined>;
  /**
   * Opens a file to read. It must be closed.
   *
   * @throws {Error} If that is impossible; `code` is the system's, such as `"EACCES"`.
   */
  open(path: string): Promise<OpenFile>;
}

/** A file or a directory; behind symbolic links, what they lead to. */
export interface FoundFile {
  readonly kind: "file" | "directory";
  /** Its path without any symbolic link. */
  readonly realPath: string;
}

/** A file that is open. */
export interface OpenFile {
  /** In bytes. */
  readonly size: number;
  /** When its content was changed, in milliseconds since the epoch. */
  readonly modified: number;
  /** Reads up to `length` bytes at an offset; none at the end of the file. */
  read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
  /** Closes it; a second time does nothing. */
  close(): void;
}

/** Errors that mean: there is nothing at this path, and there can be nothing. */
const NOT_THERE = ["ENOENT", "ENOTDIR", "ENAMETOOLONG", "ELOOP", "EINVAL"];

const isWindows = process.platform === "win32";
/**
 * Second names of files on Windows: with a stream (`x.php::$DATA`), a dot or a space behind them,
 * or shortened (`GIT~1`).
 */
const OTHER_NAME = /:|[. ](?:\/|$)|~\d/;

/** The files of this machine. */
export const files: Files = {
  absolute: (path) => slashed(resolve(path)).replace(/(?<=.)\/$/, ""),

  async find(path) {
    if (isWindows && OTHER_NAME.test(path.replace(/^[a-z]:/i, ""))) return undefined;
    try {
      const [stats, realPath] = await Promise.all([stat(path), realpath(path)]);
      const kind = stats.isFile() ? "file" : stats.isDirectory() ? "directory" : undefined;
      return kind && { kind, realPath: slashed(realPath) };
    } catch (error) {
      if (NOT_THERE.includes(textOf(error, "code") ?? "")) return undefined;
      throw error;
    }
  },

  async open(path) {
    // A link that was put there in the meantime is none that was looked at.
    const handle = await open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
    let isOpen = true;
    const close = (): void => {
      if (isOpen) handle.close().catch(() => {});
      isOpen = false;
    };
    try {
      const { size, mtimeMs } = await handle.stat();
      return {
        size,
        modified: mtimeMs,
        async read(offset, length) {
          const { buffer, bytesRead } = await handle.read(
            new Uint8Array(length),
            0,
            length,
            offset,
          );
          return buffer.subarray(0, bytesRead);
        },
        close,
      };
    } catch (error) {
      close();
      throw error;
    }
  },
};

function slashed(path: string): string {
  return isWindows ? path.replaceAll("\\", "/") : path;
}
