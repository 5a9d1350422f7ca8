/**
 * Files to be read by a web server, through `node:fs`, which all three runtimes have. On Deno they
 * need `--allow-read` for the document root.
 *
 * Looking and opening are synchronous, as in nginx: a few microseconds each, where to wait for a
 * thread costs ten times that. What is read while a response is on its way is not.
 */
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  read,
  readSync,
  realpathSync,
  statSync,
} from "node:fs";
import { resolve } from "node:path";
import process from "node:process";
import { textOf } from "../log/describe.ts";

// As loaded: applications replace the global.
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
  find(path: string): FoundFile | undefined;
  /**
   * Opens a file to read. It must be closed.
   *
   * @throws {Error} If that is impossible; `code` is the system's, such as `"EACCES"`.
   */
  open(path: string): OpenFile;
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
  /** Reads up to `length` bytes at an offset, at once; none at the end of the file. */
  readNow(offset: number, length: number): Uint8Array<ArrayBuffer>;
  /** The same, without holding up other requests. */
  read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
  /** Closes it, once nothing is being read; a second time does nothing. */
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
/** A link that was put there in the meantime is none that was looked at. */
const READ = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0);

/** The files of this machine. */
export const files: Files = {
  absolute: (path) => slashed(resolve(path)).replace(/(?<=.)\/$/, ""),

  find(path) {
    if (isWindows && OTHER_NAME.test(path.replace(/^[a-z]:/i, ""))) return undefined;
    try {
      const stats = statSync(path, { throwIfNoEntry: false });
      if (stats === undefined) return undefined;
      const kind = stats.isFile() ? "file" : stats.isDirectory() ? "directory" : undefined;
      return kind && { kind, realPath: slashed(realpathSync.native(path)) };
    } catch (error) {
      if (NOT_THERE.includes(textOf(error, "code") ?? "")) return undefined;
      throw error;
    }
  },

  open(path) {
    const descriptor = openSync(path, READ);
    try {
      return new DiskFile(descriptor);
    } catch (error) {
      closeSync(descriptor);
      throw error;
    }
  },
};

class DiskFile implements OpenFile {
  readonly size: number;
  readonly modified: number;
  readonly #descriptor: number;
  /** A descriptor that is closed under a read may be another file's by then. */
  #state: "open" | "reading" | "closing" | "closed" = "open";

  constructor(descriptor: number) {
    const { size, mtimeMs } = fstatSync(descriptor);
    this.size = size;
    this.modified = mtimeMs;
    this.#descriptor = descriptor;
  }

  readNow(offset: number, length: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(length);
    return bytes.subarray(0, readSync(this.#descriptor, bytes, 0, length, offset));
  }

  read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(length);
    this.#state = "reading";
    return new Promise((resolve, reject) => {
      read(this.#descriptor, bytes, 0, length, offset, (error, count) => {
        const mustClose = this.#state === "closing";
        this.#state = "open";
        if (mustClose) this.close();
        if (error) reject(error);
        else resolve(bytes.subarray(0, count));
      });
    });
  }

  close(): void {
    if (this.#state === "reading") this.#state = "closing";
    if (this.#state !== "open") return;
    this.#state = "closed";
    closeSync(this.#descriptor);
  }
}

function slashed(path: string): string {
  return isWindows ? path.replaceAll("\\", "/") : path;
}
