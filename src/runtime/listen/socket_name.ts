/**
 * The name of a Unix socket that other processes serve: given when the first of them is ready, put
 * back when somebody has removed it, and taken away at the end.
 */
import { linkSync, renameSync, rmdirSync, type Stats, unlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { takeAway } from "./bind_unix.ts";
import { explainListenError, ListenError } from "./listen_error.ts";
import { describeAccess } from "./socket_owner.ts";
import { fileAt, findStaleSocket, isSameFile } from "./stale_socket.ts";

/** Where a lent socket is, and where it is to be. */
export interface SocketLink {
  /** As the user has written it. */
  readonly path: string;
  /** The same, absolute. */
  readonly place: string;
  /** Another name of it, in a directory of its own. */
  readonly spare: string;
}

export class SocketName {
  readonly #link: SocketLink;
  readonly #file: Stats | undefined;
  #isOpen = false;
  #isClosed = false;

  constructor(link: SocketLink) {
    this.#link = link;
    this.#file = fileAt(link.spare);
  }

  /** The socket, with who may connect, for people. */
  get description(): string {
    const { path } = this.#link;
    return this.#file === undefined ? path : `${path} (${describeAccess(this.#file)})`;
  }

  /**
   * Gives the socket its name, in place of a stale one.
   *
   * @throws {Error} If there is another's; the message says what to do.
   */
  async open(): Promise<void> {
    const { path, place, spare } = this.#link;
    try {
      const stale = await findStaleSocket(place);
      if (this.#isClosed) return;
      if (stale !== undefined) takeAway(place, stale, join(dirname(spare), "stale"));
      this.#putInPlace();
      this.#isOpen = true;
    } catch (error) {
      throw explainListenError(error, { path });
    }
  }

  /**
   * Looks whether the name still leads to the socket, and puts it back if it is gone.
   *
   * @returns What is wrong, for people; `undefined` if nothing is.
   */
  check(): string | undefined {
    if (!this.#isOpen) return undefined;
    const { path, place } = this.#link;
    try {
      const file = fileAt(place);
      if (isSameFile(file, this.#file)) return undefined;
      if (file !== undefined) return `${path} is another program's socket now: nobody can connect`;
      this.#putInPlace();
      return `${path} was gone, and is there again`;
    } catch (error) {
      return `${path} is gone: nobody can connect (${(error as Error).message})`;
    }
  }

  /** Takes the name away, unless it is another's by now. */
  close(): void {
    const { place, spare } = this.#link;
    if (this.#isOpen && isSameFile(fileAt(place), this.#file)) unlinkSync(place);
    this.#isOpen = false;
    this.#isClosed = true;
    if (fileAt(spare) !== undefined) unlinkSync(spare);
    try {
      rmdirSync(dirname(spare));
    } catch {
      // NFS keeps the name of a socket that is open. It does no harm.
    }
  }

  #putInPlace(): void {
    const { place, spare } = this.#link;
    try {
      linkSync(spare, place);
    } catch (error) {
      const { code } = error as { code?: string };
      if (code === "EEXIST") throw new ListenError("EADDRINUSE");
      if (code === "ENOENT") throw error;
      // A file system without hard links.
      renameSync(spare, place);
    }
  }
}
