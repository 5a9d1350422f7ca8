/**
 * Applications that answer in every way but the right one, over real sockets: each is a named
 * error, or an answer if web servers take it for one; no descriptor is left, and the one connection
 * that the pool may have is there for the next request.
 */
import { readdirSync } from "node:fs";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { join } from "node:path";
import process from "node:process";
import { FastCgiClient } from "../../src/client/mod.ts";
import { FastCgiError, type FastCgiErrorCode, RecordType } from "../../src/protocol/mod.ts";
import { RecordDecoder } from "../../src/protocol/record_decoder.ts";
import { assert, assertEquals, assertLess } from "../_assert.ts";
import { type Bytes, bytes, concat } from "../_bytes.ts";
import { afterAll, beforeAll, describe, it } from "../_harness.ts";
import { rawRecord } from "../_records.ts";
import { spawnScript, tempDir, waitUntil } from "../_runtime.ts";
import { end, reply, stderr, stdout } from "./_application.ts";

/** What an application does with the socket of a request. */
type Misdeed = (socket: Socket) => void | Promise<void>;

/** Sends parts, and leaves the connection open. */
const send = (...parts: Uint8Array[]): Misdeed => (socket) => void socket.write(concat(parts));
/** Sends parts, and ends the connection. */
const sendAndEnd = (...parts: Uint8Array[]): Misdeed => (socket) => void socket.end(concat(parts));
/** Sends parts, and resets the connection. */
const sendAndReset = (...parts: Uint8Array[]): Misdeed => (socket) => {
  socket.write(concat(parts), () => {
    if (typeof socket.resetAndDestroy === "function") socket.resetAndDestroy();
    else socket.destroy();
  });
};

/** Sends the same bytes until the client has had enough. */
function flood(first: Bytes, more: Bytes): Misdeed {
  return async (socket) => {
    socket.write(first);
    while (!socket.destroyed) {
      if (socket.write(more)) await new Promise((resolve) => setTimeout(resolve));
      else await drained(socket);
    }
  };
}

/** Waits until more can be sent, or nobody is there any more. */
function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      socket.off("drain", done).off("close", done);
      resolve();
    };
    socket.on("drain", done).on("close", done);
  });
}

/** Sends one byte after the other. */
const trickle = (all: Uint8Array): Misdeed => async (socket) => {
  for (const byte of all) {
    socket.write(new Uint8Array([byte]));
    await new Promise((resolve) => setTimeout(resolve));
  }
};

const record = (fields: { type: number; id?: number; content?: string; padding?: number }) =>
  rawRecord({ content: "", ...fields });
const HEAD = stdout("Content-Type: text/plain\r\n\r\n");
const PART = stdout("Content-Type: text/plain\r\n\r\npart");
const KB64 = "x".repeat(65_000);

/** What comes of a request: an error's code, or the body. */
type Outcome = { code: FastCgiErrorCode } | { body: string };

const MISDEEDS: Record<string, [Misdeed, Outcome]> = {
  "closes at once": [sendAndEnd(), { code: "connection_lost" }],
  "resets at once": [sendAndReset(), { code: "connection_lost" }],
  "closes inside a record's header": [
    sendAndEnd(PART.subarray(0, 5)),
    { code: "connection_lost" },
  ],
  "closes inside a record's content": [
    sendAndEnd(PART.subarray(0, 20)),
    { code: "connection_lost" },
  ],
  "closes inside the header block": [sendAndEnd(stdout("A: b\r\n")), { code: "connection_lost" }],
  "closes inside the body": [sendAndEnd(PART), { code: "connection_lost" }],
  "resets inside the body": [sendAndReset(PART), { code: "connection_lost" }],
  "ends without a word": [send(end()), { code: "bad_reply" }],
  "ends STDOUT without a word": [send(stdout(""), end()), { code: "bad_reply" }],
  "ends inside the header block": [send(stdout("A: b\r\n"), end()), { code: "bad_reply" }],
  "ends with a status inside the header block": [
    send(stdout("A: b\r\n"), end(0, 255)),
    { code: "bad_reply" },
  ],
  "sends no header block": [
    send(stdout("<html>\n\n<body></body></html>"), end()),
    { code: "bad_reply" },
  ],
  "sends a status line of HTTP": [send(reply("HTTP/1.1 200 OK\r\n\r\n")), { code: "bad_reply" }],
  "sends a folded header": [send(reply("A: b\r\n c\r\n\r\n")), { code: "bad_reply" }],
  "sends a NUL in a header": [send(reply("A: b\0c\r\n\r\n")), { code: "bad_reply" }],
  "sends a status that is none": [send(reply("Status: abc\r\n\r\n")), { code: "bad_reply" }],
  "sends a status of 99": [send(reply("Status: 99\r\n\r\n")), { code: "bad_reply" }],
  "sends a status of 101": [
    send(reply("Status: 101 Switching Protocols\r\n\r\n")),
    { code: "bad_reply" },
  ],
  "sends 1 GB of header in one line": [
    flood(stdout("A: "), stdout(KB64)),
    { code: "bad_reply" },
  ],
  "sends 1 GB of header in short lines": [
    flood(stdout("A: b\r\n"), stdout("A: b\r\n".repeat(10_000))),
    { code: "bad_reply" },
  ],
  "sends two lengths": [
    send(reply("Content-Length: 1\r\nContent-Length: 2\r\n\r\nx")),
    { code: "bad_reply" },
  ],
  "sends less than its length": [
    send(reply("Content-Length: 9\r\n\r\nless")),
    { code: "bad_reply" },
  ],
  "sends more than its length": [
    send(reply("Content-Length: 2\r\n\r\nmore")),
    { body: "mo" },
  ],
  "sends version 0": [send(new Uint8Array(8)), { code: "bad_version" }],
  "breaks off with version 0": [send(PART, new Uint8Array(8)), { code: "bad_reply" }],
  "breaks off with version 0, split": [
    async (socket) => {
      socket.write(concat([PART, new Uint8Array(3)]));
      await new Promise((resolve) => setTimeout(resolve, 5));
      socket.write(new Uint8Array(5));
    },
    { code: "bad_reply" },
  ],
  "sends version 2": [
    send(PART, bytes([2, 6, 0, 1, 0, 0, 0, 0])),
    { code: "bad_version" },
  ],
  "speaks HTTP": [
    sendAndEnd(bytes("HTTP/1.1 400 Bad Request\r\n\r\n")),
    { code: "bad_version" },
  ],
  "speaks TLS": [sendAndEnd(bytes([0x16, 3, 1, 0, 4, 1, 2, 3, 4])), { code: "bad_version" }],
  "answers another request": [
    sendAndEnd(record({ type: RecordType.STDOUT, id: 2, content: "\r\nother" })),
    { code: "connection_lost" },
  ],
  "ends another request, then its own": [
    send(
      HEAD,
      record({ type: RecordType.END_REQUEST, id: 2, content: "\0".repeat(8) }),
      stdout("own"),
      end(),
    ),
    { body: "own" },
  ],
  "sends records of unknown types": [
    send(record({ type: 99, content: "?" }), HEAD, record({ type: 200 }), stdout("ok"), end()),
    { body: "ok" },
  ],
  "sends an END_REQUEST of four bytes": [
    send(PART, record({ type: RecordType.END_REQUEST, content: "\0\0\0\0" })),
    { code: "bad_record" },
  ],
  "refuses: no multiplexing": [send(end(1)), { code: "request_refused" }],
  "refuses: overloaded": [send(end(2)), { code: "request_refused" }],
  "refuses: unknown role": [send(end(3)), { code: "request_refused" }],
  "refuses with a status that does not exist": [send(end(77)), { code: "request_refused" }],
  "goes on behind its end": [send(reply("\r\nall"), stdout("more"), end()), { body: "all" }],
  "goes on behind the end of STDOUT": [
    send(HEAD, stdout("all"), stdout(""), stdout("more"), end()),
    { body: "all" },
  ],
  "closes STDOUT, then the connection": [
    sendAndEnd(HEAD, stdout("all"), stdout("")),
    { body: "all" },
  ],
  "trickles": [trickle(reply("A: b\r\n\r\nslow")), { body: "slow" }],
  "never answers": [() => {}, { code: "timed_out" }],
  "answers with log lines for ever": [
    // They are an answer of a kind: whoever has had enough of them aborts.
    flood(stderr("line\n"), stderr("line\n".repeat(12_000))),
    { code: "timed_out" },
  ],
  "logs 20 MB before its answer": [
    async (socket) => {
      for (let i = 0; i < 320; i++) {
        if (socket.write(stderr(KB64))) continue;
        await drained(socket);
      }
      socket.write(reply("\r\nat last"));
    },
    { body: "at last" },
  ],
  "pads every record with 255 bytes": [
    send(
      record({ type: RecordType.STDOUT, content: "\r\npadded", padding: 255 }),
      record({ type: RecordType.STDOUT, padding: 255 }),
      end(),
    ),
    { body: "padded" },
  ],
};

/** A server of misdeeds; a request without one is answered. */
async function serveBadly() {
  let misdeed: Misdeed | undefined;
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => {});
    socket.on("end", () => socket.end());
    const decoder = new RecordDecoder();
    socket.on("data", (chunk) => {
      try {
        decoder.push(chunk);
        for (let next = decoder.next(); next !== undefined; next = decoder.next()) {
          if (next.type !== RecordType.STDIN || next.content.length > 0) continue;
          const todo = misdeed;
          misdeed = undefined;
          void (todo ?? send(reply("\r\nfine")))(socket);
        }
      } catch {
        socket.destroy();
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    next: (todo: Misdeed) => void (misdeed = todo),
    /** How many connections are open. */
    get open() {
      return sockets.size;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** What comes of a request that is given so much time, in milliseconds. */
async function outcomeOf(client: FastCgiClient, time = 10_000): Promise<Outcome> {
  try {
    const signal = AbortSignal.timeout(time);
    const response = await client.fetch(new Request("http://localhost/"), { signal });
    return { body: await response.text() };
  } catch (error) {
    if ((error as Error).name === "TimeoutError") return { code: "timed_out" };
    assert(error instanceof FastCgiError, `${error}`);
    return { code: error.code };
  }
}

describe("A client whose application", { timeout: 30_000, sanitize: false }, () => {
  let directory: Awaited<ReturnType<typeof tempDir>>;
  let server: Awaited<ReturnType<typeof serveBadly>>;
  beforeAll(async () => {
    directory = await tempDir();
    server = await serveBadly();
  });
  afterAll(async () => {
    await server.close();
    await directory[Symbol.asyncDispose]();
  });

  for (const [what, [misdeed, outcome]] of Object.entries(MISDEEDS)) {
    for (const keepConnection of [false, true]) {
      it(`${what}${keepConnection ? ", on a connection that is kept" : ""}`, async () => {
        const client = new FastCgiClient({
          port: server.port,
          keepConnection,
          maxConnections: 1,
          onStderr() {},
        });
        server.next(misdeed);
        const isEndless = "code" in outcome && outcome.code === "timed_out";
        assertEquals(await outcomeOf(client, isEndless ? 200 : undefined), outcome);
        assertEquals(await outcomeOf(client), { body: "fine" });
        client.close();
        await waitUntil(() => server.open === 0, { what: "the end of all connections" });
      });
    }
  }

  it("is killed in the middle of its answers leaves an error for each, and is back", async () => {
    const socket = join(directory.path, "killed.sock");
    const start = () =>
      spawnScript(new URL("./_slow_application.ts", import.meta.url), [socket], {
        denoPermissions: ["-A"],
      });
    await using client = new FastCgiClient({ path: socket, keepConnection: true });
    const first = await start();
    await first.waitForLine("stderr", /^Serving/);
    const responses = await Promise.all(
      Array.from({ length: 5 }, () => client.fetch(new Request("http://localhost/"))),
    );
    first.kill("SIGKILL");
    for (const response of responses) {
      const error = await response.text().catch((error) => error);
      assert(error instanceof FastCgiError, `${error}`);
      assertEquals(error.code, "connection_lost");
    }
    await first.exit;
    await using second = await start();
    await second.waitForLine("stderr", /^Serving/);
    const response = await client.fetch(new Request("http://localhost/?short"));
    assertEquals(await response.text(), "short");
  });

  it(
    "loses no descriptor to all that",
    { skip: process.platform !== "linux" && "needs /proc" },
    async () => {
      const count = () => readdirSync("/proc/self/fd").length;
      const before = count();
      for (const [misdeed] of Object.values(MISDEEDS).slice(0, 20)) {
        const client = new FastCgiClient({ port: server.port, onStderr() {} });
        server.next(misdeed);
        await outcomeOf(client);
        client.close();
      }
      await waitUntil(() => server.open === 0);
      await waitUntil(() => count() <= before + 2, { what: `${before} descriptors again` });
      assertLess(count(), before + 3);
    },
  );
});
