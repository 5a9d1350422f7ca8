/** `connect` over real sockets of the runtime that runs this. */
import { createServer, type Server, type Socket } from "node:net";
import { writeFile } from "node:fs/promises";
import { connect } from "../../src/client/mod.ts";
import { assertBytes, bytes, concat, latin1, pattern } from "../_bytes.ts";
import { assert, assertEquals, assertLess, assertRejects } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { freePort, tempDir } from "../_runtime.ts";

/** Listens on a free TCP port, or on a Unix socket, and hands out what connects. */
async function listen(path?: string) {
  const sockets: Socket[] = [];
  const waiting: ((socket: Socket) => void)[] = [];
  const server: Server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    socket.on("error", () => {});
    const resolve = waiting.shift();
    if (resolve !== undefined) resolve(socket);
    else sockets.push(socket);
  });
  await new Promise<void>((resolve) =>
    path === undefined ? server.listen(0, "127.0.0.1", resolve) : server.listen(path, resolve)
  );
  const address = server.address();
  return {
    port: typeof address === "object" ? address!.port : 0,
    accept: (): Promise<Socket> => {
      const socket = sockets.shift();
      return socket ? Promise.resolve(socket) : new Promise((resolve) => waiting.push(resolve));
    },
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}

const closed = (socket: Socket) =>
  new Promise<void>((resolve) => {
    socket.on("close", () => resolve());
    socket.resume();
    socket.on("end", () => socket.end());
  });

async function readAll(readable: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  const reader = readable.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return concat(chunks);
    chunks.push(value);
  }
}

describe("connect", () => {
  it("carries bytes both ways over TCP, and ends each side by itself", async () => {
    await using server = await listen();
    const streams = await connect({ port: server.port });
    const socket = await server.accept();
    const writer = streams.writable.getWriter();
    await writer.write(bytes("ping"));
    await writer.close();
    let received = "";
    socket.on("data", (chunk) => received += latin1(chunk));
    await new Promise<void>((resolve) => socket.on("end", () => resolve()).resume());
    assertEquals(received, "ping");
    const isClosed = new Promise<void>((resolve) => socket.on("close", () => resolve()));
    socket.end("pong");
    assertEquals(latin1(await readAll(streams.readable)), "pong");
    streams.close();
    await isClosed;
  });

  it("carries bytes over a Unix socket", async () => {
    await using dir = await tempDir();
    await using server = await listen(`${dir.path}/s`);
    const streams = await connect({ path: `${dir.path}/s` });
    const socket = await server.accept();
    socket.end("hello");
    assertEquals(latin1(await readAll(streams.readable)), "hello");
    const isClosed = closed(socket);
    streams.close();
    await isClosed;
  });

  it("carries megabytes both ways", async () => {
    await using server = await listen();
    const streams = await connect({ hostname: "127.0.0.1", port: server.port });
    const socket = await server.accept();
    socket.pipe(socket);
    const content = pattern(5_000_000);
    const writer = streams.writable.getWriter();
    const sent = (async () => {
      for (let at = 0; at < content.length; at += 70_000) {
        await writer.ready;
        writer.write(content.slice(at, at + 70_000)).catch(() => {});
      }
      await writer.close();
    })();
    assertBytes(await readAll(streams.readable), content);
    await sent;
    streams.close();
  });

  it("reads nothing before somebody wants it", async () => {
    await using server = await listen();
    const streams = await connect({ port: server.port });
    const socket = await server.accept();
    // More than all buffers of a loopback connection hold.
    let isTaken = false;
    socket.write(pattern(30_000_000), () => isTaken = true);
    const reader = streams.readable.getReader();
    let read = (await reader.read()).value!.length;
    assert(!isTaken);
    while (!isTaken) read += (await reader.read()).value!.length;
    assertLess(read, 30_000_001);
    const isClosed = closed(socket);
    streams.close();
    await isClosed;
  });

  it("holds writes back while the other end does not read", async () => {
    await using server = await listen();
    const streams = await connect({ port: server.port });
    const socket = await server.accept();
    const writer = streams.writable.getWriter();
    const part = pattern(1_000_000);
    let sent = 0;
    let isSending = true;
    const sending = (async () => {
      for (; isSending && sent < 100_000_000; sent += part.length) await writer.write(part);
    })();
    // An answer from the other end shows that its event loop has been running meanwhile.
    socket.write("x");
    const reader = streams.readable.getReader();
    await reader.read();
    assertLess(sent, 50_000_000);
    isSending = false;
    const isClosed = closed(socket);
    await sending;
    await writer.close();
    streams.close();
    await isClosed;
  });

  it("fails reads and writes when the other end resets the connection", async () => {
    await using server = await listen();
    const streams = await connect({ port: server.port });
    const socket = await server.accept();
    const writer = streams.writable.getWriter();
    writer.closed.catch(() => {});
    const reading = streams.readable.getReader().read();
    socket.resetAndDestroy();
    await assertRejects(() => reading);
    await assertRejects(() => writer.closed);
    await assertRejects(() => writer.write(bytes("x")));
  });

  it("ends what is under way when it is closed", async () => {
    await using server = await listen();
    const streams = await connect({ port: server.port });
    const socket = await server.accept();
    const isClosed = closed(socket);
    const reading = streams.readable.getReader().read();
    const writer = streams.writable.getWriter();
    writer.closed.catch(() => {});
    streams.close();
    await assertRejects(() => reading);
    await assertRejects(() => writer.closed);
    await isClosed;
  });

  it("says that nothing is listening on a port", async () => {
    const port = await freePort();
    const error = await assertRejects(() => connect({ port }), Error, "Nothing is listening");
    assert(error.message.startsWith(`Cannot connect to 127.0.0.1:${port}: ECONNREFUSED`));
    assertEquals((error as { code?: string }).code, "ECONNREFUSED");
    assert(error.cause instanceof Error);
  });

  it("says that there is no socket, or nothing behind it", async () => {
    await using dir = await tempDir();
    await assertRejects(() => connect({ path: `${dir.path}/none` }), Error, "no such socket");
    await writeFile(`${dir.path}/file`, "");
    await assertRejects(() => connect({ path: `${dir.path}/file` }), Error, "Nothing is listening");
  });
});
