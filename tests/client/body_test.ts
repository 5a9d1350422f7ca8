/** Bodies of unknown length: nothing is lost, and every application learns the length. */
import { readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import process from "node:process";
import { serve } from "../../mod.ts";
import { type BodySpool, FastCgiClient, StreamClient } from "../../src/client/mod.ts";
import { FastCgiError, RecordType } from "../../src/protocol/mod.ts";
import { assertBytes, bytes, latin1, pattern } from "../_bytes.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { tempDir } from "../_runtime.ts";
import { Application, manualStream, reply, upload } from "./_application.ts";

/** A spool in memory that says what becomes of it. */
class TestSpool implements BodySpool {
  readonly chunks: Uint8Array[] = [];
  state = "open";

  write(chunk: Uint8Array): Promise<void> {
    this.chunks.push(chunk);
    return Promise.resolve();
  }

  read(): ReturnType<BodySpool["read"]> {
    const end = () => Promise.resolve(void (this.state = "ended"));
    return {
      closed: Promise.resolve(),
      read: async () => {
        const value = this.chunks.shift();
        if (value !== undefined) return { done: false, value };
        await end();
        return { done: true };
      },
      cancel: end,
    };
  }

  discard(): void {
    this.state = "discarded";
  }
}

function setUp(options: Partial<ConstructorParameters<typeof StreamClient>[0]> = {}) {
  const application = new Application();
  const spools: TestSpool[] = [];
  const client = new StreamClient({
    connect: application.connect,
    connectTimeout: 0,
    queueTimeout: 0,
    bufferBody: 10,
    openSpool: () => {
      const spool = new TestSpool();
      spools.push(spool);
      return Promise.resolve(spool);
    },
    ...options,
  });
  return { application, client, spools };
}

function streamOf(...chunks: (string | Uint8Array)[]): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(bytes(chunk));
      controller.close();
    },
  });
}

async function tooLarge(promise: Promise<unknown>): Promise<string> {
  const error = await assertRejects(() => promise, FastCgiError);
  assertEquals([error.code, error.fault], ["body_too_large", "application"]);
  return error.message;
}

describe("A body of unknown length", () => {
  for (const content of ["small", "just right", "larger than that", "x".repeat(100_000)]) {
    it(`of ${content.length} bytes arrives with its length`, async () => {
      const { application, client, spools } = setUp();
      const fetched = client.fetch(upload(streamOf(...content.match(/.{1,3000}/g)!)));
      const connection = await application.accept();
      const { params, stdin } = await connection.request();
      assertEquals(new Map(params).get("CONTENT_LENGTH"), String(content.length));
      assertEquals(latin1(stdin), content);
      assertEquals(spools.map(({ state }) => state), content.length > 10 ? ["ended"] : []);
      connection.send(reply("\n"));
      await (await fetched).text();
    });
  }

  it("is read to its end before anything is sent", async () => {
    const { application, client } = setUp();
    const body = manualStream();
    const fetched = client.fetch(upload(body.stream));
    body.enqueue("the first part, ");
    for (let turn = 0; turn < 100; turn++) await Promise.resolve();
    assertEquals(application.connects, 0);
    body.enqueue("the second");
    body.close();
    const connection = await application.accept();
    assertEquals(latin1((await connection.request()).stdin), "the first part, the second");
    connection.send(reply("\n"));
    await (await fetched).text();
  });

  it("is refused beyond maxBodyBytes, and its place given back", async () => {
    const { application, client, spools } = setUp({ maxBodyBytes: 20 });
    const body = manualStream();
    const fetched = client.fetch(upload(body.stream));
    body.enqueue("0123456789");
    body.enqueue("0123456789");
    body.enqueue("!");
    assertStringIncludes(await tooLarge(fetched), "it has more than 20 bytes (maxBodyBytes)");
    await body.cancelled;
    assertEquals([application.connects, spools[0]?.state], [0, "discarded"]);
  });

  it("is refused beyond bufferBody where there is no place for it", async () => {
    for (const openSpool of [undefined, () => Promise.reject(new Error("read-only"))]) {
      const { client } = setUp({ openSpool });
      const message = await tooLarge(client.fetch(upload(streamOf("eleven bytes"))));
      assertStringIncludes(message, "its length is not known, and it has more than 10 bytes");
    }
  });

  it("is given up with the request", async () => {
    const { client, spools } = setUp();
    const abort = new AbortController();
    const body = manualStream();
    const fetched = client.fetch(upload(body.stream), { signal: abort.signal });
    body.enqueue("more than ten bytes");
    while (spools.length === 0) await Promise.resolve();
    abort.abort(new Error("enough"));
    await assertRejects(() => fetched, Error, "enough");
    assertEquals(await body.cancelled, abort.signal.reason);
    assertEquals(spools[0]!.state, "discarded");
  });

  it("gives its place back if there is no connection", async () => {
    const { client, spools } = setUp({ connect: () => Promise.reject(new Error("refused")) });
    const fetched = client.fetch(upload(streamOf("more than ten bytes")));
    await assertRejects(() => fetched, Error, "refused");
    assertEquals(spools[0]!.state, "ended");
  });

  it("with streamBody is sent without a length, up to maxBodyBytes", async () => {
    const { application, client } = setUp({ streamBody: true, maxBodyBytes: 20 });
    const body = manualStream();
    const fetched = client.fetch(upload(body.stream));
    const connection = await application.accept();
    body.enqueue("0123456789");
    for (;;) {
      const record = await connection.record();
      if (record?.type === RecordType.STDIN) break;
    }
    body.enqueue("0123456789!");
    await tooLarge(fetched);
    await connection.closed();
  });
});

describe("A body with a Content-Length", () => {
  const headers = (length: number) => ({ "content-length": String(length) });

  it("is refused at once if that is more than maxBodyBytes", async () => {
    const { client } = setUp({ maxBodyBytes: 20 });
    const body = manualStream();
    const fetched = client.fetch(upload(body.stream, headers(21)));
    assertStringIncludes(await tooLarge(fetched), "it has 21 bytes, and 20 are the most");
    await body.cancelled;
  });

  for (
    const [what, content] of [["shorter", "fifteen bytes.."], [
      "longer",
      "sixteen bytes...",
    ]] as const
  ) {
    it(`is not sent as if it were whole if it is ${what}`, async () => {
      const { application, client } = setUp();
      const length = what === "shorter" ? 16 : 15;
      const fetched = client.fetch(upload(streamOf(content), headers(length)));
      const connection = await application.accept();
      await assertRejects(() => fetched, TypeError, `and its Content-Length is ${length}`);
      for (;;) {
        const record = await connection.record();
        if (record === undefined) break;
        assert(record.type !== RecordType.STDIN || record.content.length > 0, "It was ended");
      }
    });
  }
});

describe("FastCgiClient", () => {
  it("gathers a body of unknown length in a temporary file, of which nothing is left", async () => {
    await using app = serve({ port: 0, onListen() {} }, async (request, { params }) => {
      const body = await request.bytes();
      return new Response(body.reverse(), {
        headers: { "x-length": params.get("CONTENT_LENGTH")! },
      });
    });
    await using directory = await tempDir();
    const before = process.env.TMPDIR;
    process.env.TMPDIR = directory.path;
    try {
      assertEquals(tmpdir(), directory.path);
      await using client = new FastCgiClient(await app.ready);
      const content = pattern(1_000_000);
      const form = upload(new Blob([content]).stream() as ReadableStream<Uint8Array<ArrayBuffer>>);
      const response = await client.fetch(form);
      assertEquals(response.headers.get("x-length"), "1000000");
      assertBytes(await response.bytes(), content.slice().reverse());
      assertEquals(await readdir(directory.path), []);
    } finally {
      if (before === undefined) delete process.env.TMPDIR;
      else process.env.TMPDIR = before;
    }
  });
});
