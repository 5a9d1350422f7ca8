/**
 * Many connections that nobody uses: what each costs, and whether the application still answers.
 */
import { connect, type Socket } from "node:net";
import { RawPeer, request } from "../runtime/_raw_peer.ts";
import { type Runtime, tempDir, waitUntil } from "../_runtime.ts";
import { descriptorsOf, memoryOf, startServer } from "./_server.ts";

/**
 * How many connect and ask at once: what the queue of a listening socket takes on every runtime.
 */
const AT_ONCE = 100;
/** Descriptors that a process needs beside its connections. */
export const OTHER_DESCRIPTORS = 500;

/** What idle connections cost. */
export interface IdleCost {
  /** Memory (RSS) of the process before, in bytes. */
  before: number;
  /** What each connection added. */
  bytesEach: number;
  /** Descriptors that the connections took. */
  taken: number;
  /** Descriptors that have not come back when all were closed. */
  kept: number;
}

/**
 * Holds idle connections on one process of the application: each is answered once, then says
 * nothing; meanwhile a new connection is answered, and at last each of them once more.
 *
 * @throws {Error} If an answer is wrong or does not come.
 */
export async function holdIdle(on: Runtime, count: number): Promise<IdleCost> {
  await using directory = await tempDir();
  const path = `${directory.path}/fcgi.sock`;
  // More than the default takes: beyond it a connection is answered 503 and closed.
  const maxConnections = count + OTHER_DESCRIPTORS;
  await using server = await startServer([`path=${path}`, `maxConnections=${maxConnections}`], {
    on,
    descriptors: count + OTHER_DESCRIPTORS,
  });
  await using other = await RawPeer.connect({ transport: "unix", path });
  await other.fetch({ uri: "/memory" });
  const descriptors = await descriptorsOf(server.pid);
  // The same work before and after, so that what is compiled for it counts on neither side.
  await warmUp(path);
  await waitUntil(async () => await descriptorsOf(server.pid) === descriptors);
  await other.fetch({ uri: "/memory" });
  const before = await memoryOf(server.pid);

  await using held = new Held();
  await held.open(path, count);
  await other.fetch({ uri: "/memory" });
  const taken = await descriptorsOf(server.pid) - descriptors;
  const bytesEach = Math.round((await memoryOf(server.pid) - before) / count);

  await using fresh = await RawPeer.connect({ transport: "unix", path });
  const { text } = await fresh.fetch({ uri: "/small" });
  if (text !== "small\n") throw new Error(`Another answer: ${text}`);
  await fresh[Symbol.asyncDispose]();
  await held.ask();

  await held[Symbol.asyncDispose]();
  const kept = async () => await descriptorsOf(server.pid) - descriptors;
  // What does not come back is for the caller to judge.
  await waitUntil(async () => await kept() <= 0, { timeout: 10_000 }).catch(() => {});
  return { before, bytesEach, taken, kept: await kept() };
}

async function warmUp(path: string): Promise<void> {
  await using held = new Held();
  await held.open(path, AT_ONCE);
  for (let round = 0; round < 10; round++) await held.ask();
}

/** Connections that have been answered once, and then say nothing. */
class Held implements AsyncDisposable {
  readonly #sockets: Socket[] = [];

  async open(path: string, count: number): Promise<void> {
    while (this.#sockets.length < count) {
      const batch = await Promise.all(Array.from({ length: AT_ONCE }, () => open(path)));
      this.#sockets.push(...batch);
      await Promise.all(batch.map(ask));
    }
  }

  /** Asks on each. */
  async ask(): Promise<void> {
    for (let at = 0; at < this.#sockets.length; at += AT_ONCE) {
      await Promise.all(this.#sockets.slice(at, at + AT_ONCE).map(ask));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const sockets = this.#sockets.splice(0);
    await Promise.all(
      sockets.map((socket) =>
        new Promise<void>((resolve) => socket.once("close", () => resolve()).destroy())
      ),
    );
  }
}

function open(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path });
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject).on("error", () => {});
      resolve(socket);
    });
  });
}

const REQUEST = request({ uri: "/small" });
/** The last record of an answer: END_REQUEST, request complete. */
const END = "\x01\x03\0\x01\0\x08\0\0\0\0\0\0\0\0\0\0";

/** Makes a request; the answer has come whole, and says what it should. */
function ask(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = "";
    const fail = () => reject(new Error(`Connection closed behind ${JSON.stringify(text)}`));
    const receive = (chunk: Uint8Array) => {
      text += String.fromCharCode(...chunk);
      if (!text.endsWith(END)) return;
      socket.off("data", receive).off("close", fail);
      if (text.includes("small\n")) resolve();
      else reject(new Error(`Another answer: ${JSON.stringify(text)}`));
    };
    socket.on("data", receive).on("close", fail);
    socket.write(REQUEST);
  });
}
