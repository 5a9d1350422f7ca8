/** Temporary files, for what is too large to be held in memory. */
import { type FileHandle, mkdtemp, open, rmdir, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

// As loaded: applications replace the global.
const { Promise } = globalThis;

/** Bytes that are read at a time. */
const CHUNK = 65_536;

/** The directory for temporary files; Deno may keep the variable back that names it. */
function directoryFor(): string {
  try {
    return tmpdir();
  } catch {
    return "/tmp";
  }
}

/** A file that is written first, then read once; it is gone when that is over. */
export class TemporaryFile {
  readonly #file: FileHandle;
  /** Takes away what could not be while the file was open. */
  readonly #remove: () => Promise<void>;
  #offset = 0;
  #isClosed = false;

  private constructor(file: FileHandle, remove: () => Promise<void>) {
    this.#file = file;
    this.#remove = remove;
  }

  /**
   * Creates a file that no other user can open, in the directory for such files. It loses its name
   * at once, so that it never outlives the process; on Windows when it is closed.
   *
   * @throws {Error} If that is impossible, or Deno does not allow it (`--allow-write`,
   * `--allow-read`).
   */
  static async open(): Promise<TemporaryFile> {
    const directory = await mkdtemp(join(directoryFor(), "fcgi-"));
    const path = join(directory, "body");
    const remove = async () => {
      await unlink(path).catch(() => {});
      await rmdir(directory).catch(() => {});
    };
    try {
      const file = await open(path, "wx+", 0o600);
      await remove();
      return new TemporaryFile(file, remove);
    } catch (error) {
      await remove();
      throw error;
    }
  }

  /** Appends bytes. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      const { bytesWritten } = await this.#file.write(bytes, done);
      done += bytesWritten;
    }
  }

  /** Reads what was written, from its beginning; to be called once. */
  read(): {
    closed: Promise<void>;
    read(): Promise<{ done: false; value: Uint8Array } | { done: true }>;
    cancel(): Promise<void>;
  } {
    return {
      closed: Promise.resolve(),
      read: async () => {
        const chunk = new Uint8Array(CHUNK);
        const { bytesRead } = this.#isClosed
          ? { bytesRead: 0 }
          : await this.#file.read(chunk, 0, CHUNK, this.#offset);
        this.#offset += bytesRead;
        if (bytesRead > 0) return { done: false, value: chunk.subarray(0, bytesRead) };
        await this.#close();
        return { done: true };
      },
      cancel: () => this.#close(),
    };
  }

  /** Gives the file back unread. */
  discard(): void {
    void this.#close();
  }

  async #close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    // A read that is under way ends before the file does.
    await this.#file.close().catch(() => {});
    await this.#remove();
  }
}
