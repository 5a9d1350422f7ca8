/** Applications that break, replies that are none, and requests that are given up. */
import { StreamClient } from "../../src/client/mod.ts";
import { FastCgiError, type FastCgiErrorCode, RecordType } from "../../src/protocol/mod.ts";
import { BROKEN_OFF } from "../../src/protocol/constants.ts";
import { latin1, utf8 } from "../_bytes.ts";
import { assert, assertEquals, assertRejects } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { rawRecord } from "../_records.ts";
import { runtime } from "../_runtime.ts";
import { captureConsoleError } from "../_console.ts";
import { THROWN } from "../_thrown.ts";
import { Application, end, manualStream, reply, stderr, stdout, upload } from "./_application.ts";

const GET = (init?: RequestInit) => new Request("http://localhost/", init);

function setUp(options: Partial<ConstructorParameters<typeof StreamClient>[0]> = {}) {
  const application = new Application();
  const client = new StreamClient({
    connect: application.connect,
    onStderr() {},
    // Tests leave idle connections behind, but no timers.
    idleTimeout: 0,
    connectTimeout: 0,
    ...options,
  });
  return { application, client };
}

async function assertFails(promise: Promise<unknown>, code: FastCgiErrorCode): Promise<void> {
  const error = await assertRejects(() => promise, FastCgiError);
  assertEquals([error.code, error.fault], [code, "peer"]);
}

describe("StreamClient.fetch rejects", () => {
  for (
    const [name, code, bytes] of [
      ["the connection ends before anything", "connection_lost", []],
      ["the connection ends inside the header block", "connection_lost", [stdout("X: 1\n")]],
      ["the connection ends inside a record", "connection_lost", [stdout("\nbody").subarray(0, 9)]],
      ["the request is refused", "request_refused", [end(2)]],
      ["the request ends without a header block", "bad_reply", [stdout(""), end()]],
      ["the request ends inside the header block", "bad_reply", [stdout("X: 1\n"), end()]],
      ["there is no header block", "bad_reply", [stdout("<html>\n\n</html>"), end()]],
      ["the length is no number", "bad_reply", [stdout("Content-Length: ten\n\n"), end()]],
      ["there are two lengths", "bad_reply", [
        stdout("Content-Length: 1\nContent-Length: 1\n\nx"),
        end(),
      ]],
      ["a record is none", "bad_version", [new Uint8Array(8)]],
      ["an end is none", "bad_record", [rawRecord({ type: 3, content: "?" })]],
    ] as [string, FastCgiErrorCode, Uint8Array[]][]
  ) {
    it(`with ${code} when ${name}`, async () => {
      const { application, client } = setUp();
      const fetched = client.fetch(GET());
      const connection = await application.accept();
      if (bytes.length > 0) connection.send(...bytes);
      connection.close();
      await assertFails(fetched, code);
      await connection.closed();
    });
  }

  it("with connection_lost and its cause when the connection breaks", async () => {
    const { application, client } = setUp();
    const fetched = client.fetch(GET());
    const connection = await application.accept();
    const reset = new Error("Connection reset");
    connection.duplex.fail(reset);
    const error = await assertRejects(() => fetched, FastCgiError);
    assertEquals([error.code, error.cause], ["connection_lost", reset]);
  });

  it("with the name of the status that refused it", async () => {
    const { application, client } = setUp();
    const fetched = client.fetch(GET());
    (await application.accept()).send(end(2));
    await assertRejects(() => fetched, FastCgiError, "FCGI_OVERLOADED");
  });

  it("with what connect rejects with, and connects again", async () => {
    const application = new Application();
    const refused = new Error("Connection refused");
    let attempts = 0;
    const client = new StreamClient({
      maxConnections: 1,
      connect: () => attempts++ === 0 ? Promise.reject(refused) : application.connect(),
    });
    assertEquals(await assertRejects(() => client.fetch(GET())), refused);
    const fetched = client.fetch(GET());
    (await application.accept()).send(reply("\nok"));
    assertEquals(await (await fetched).text(), "ok");
  });

  it("with a RangeError for a parameter that is no bytes", async () => {
    const { application, client } = setUp();
    await assertRejects(() => client.fetch(GET(), { params: { A: "€" } }), RangeError, "U+20ac");
    assertEquals(application.connects, 0);
  });

  it("with what the request's body fails with", async () => {
    for (const streamBody of [true, false]) {
      const { application, client } = setUp({ streamBody });
      const body = manualStream();
      const fetched = client.fetch(upload(body.stream));
      const failure = new Error("Disk full");
      body.enqueue("part");
      if (streamBody) {
        const connection = await application.accept();
        while ((await connection.record())?.type !== RecordType.STDIN);
        body.error(failure);
        await connection.closed();
      } else {
        body.error(failure);
      }
      assertEquals(await assertRejects(() => fetched), failure);
    }
  });
});

describe("The body of a response fails", () => {
  for (
    const [name, code, header, bytes] of [
      ["the connection ends", "connection_lost", "", []],
      ["the connection ends inside a record", "connection_lost", "", [
        stdout("more").subarray(0, 10),
      ]],
      ["the application breaks it off with an invalid record", "bad_reply", "", [
        new Uint8Array(8),
      ]],
      ["it is shorter than its Content-Length", "bad_reply", "Content-Length: 9\n", [end()]],
      ["the request ends with a status", "request_refused", "", [end(1)]],
      ["the application breaks it off and keeps the connection", "bad_reply", "", [
        end(0, BROKEN_OFF),
      ]],
    ] as [string, FastCgiErrorCode, string, Uint8Array[]][]
  ) {
    it(`with ${code} when ${name}`, async () => {
      const { application, client } = setUp();
      const fetched = client.fetch(GET());
      const connection = await application.accept();
      connection.send(stdout(`${header}\npart`));
      const reader = (await fetched).body!.getReader();
      assertEquals(latin1((await reader.read()).value!), "part");
      const rest = reader.read();
      if (bytes.length > 0) connection.send(...bytes);
      connection.close();
      await assertFails(rest, code);
      await connection.closed();
    });
  }
});

describe("A request is given up", () => {
  it("before it begins: nothing is connected", async () => {
    const { application, client } = setUp();
    const reason = new Error("Changed my mind");
    const signal = AbortSignal.abort(reason);
    assertEquals(await assertRejects(() => client.fetch(GET(), { signal })), reason);
    assertEquals(
      (await assertRejects(() => client.fetch(GET({ signal })))).message,
      reason.message,
    );
    assertEquals(application.connects, 0);
  });

  it("while its body is read ahead: the body is cancelled", async () => {
    const { application, client } = setUp();
    const abort = new AbortController();
    const body = manualStream();
    body.enqueue("part");
    const fetched = client.fetch(upload(body.stream), { signal: abort.signal });
    abort.abort();
    assertEquals((await assertRejects(() => fetched)).name, "AbortError");
    await body.cancelled;
    assertEquals(application.connects, 0);
  });

  it("while it connects", async () => {
    const abort = new AbortController();
    const { promise: connecting, resolve } = Promise.withResolvers<void>();
    const client = new StreamClient({ connect: () => (resolve(), new Promise(() => {})) });
    const fetched = client.fetch(GET(), { signal: abort.signal });
    await connecting;
    abort.abort();
    assertEquals((await assertRejects(() => fetched)).name, "AbortError");
    client.close();
  });

  for (const through of ["request.signal", "options.signal"] as const) {
    it(`before the header block, by ${through}: the connection is closed`, async () => {
      const { application, client } = setUp();
      const abort = new AbortController();
      const fetched = through === "request.signal"
        ? client.fetch(GET({ signal: abort.signal }))
        : client.fetch(GET(), { signal: abort.signal });
      const connection = await application.accept();
      await connection.request();
      abort.abort();
      assertEquals((await assertRejects(() => fetched)).name, "AbortError");
      await connection.closed();
    });
  }

  it("behind the header block: the body fails, the connection is closed", async () => {
    const { application, client } = setUp();
    const abort = new AbortController();
    const fetched = client.fetch(GET(), { signal: abort.signal });
    const connection = await application.accept();
    connection.send(stdout("\npart"));
    const reader = (await fetched).body!.getReader();
    await reader.read();
    const rest = reader.read();
    abort.abort();
    assertEquals((await assertRejects(() => rest)).name, "AbortError");
    await connection.closed();
  });

  it("by cancelling its body, full or empty: the connection is closed", async () => {
    for (const part of ["", "part", "x".repeat(60_000)]) {
      const { application, client } = setUp();
      const fetched = client.fetch(GET());
      const connection = await application.accept();
      connection.send(stdout("\n"), stdout(part || "-"), stdout(part || "-"));
      await (await fetched).body!.cancel();
      await connection.closed();
    }
  });

  it("too late: nothing happens", async () => {
    const { application, client } = setUp();
    const abort = new AbortController();
    const fetched = client.fetch(GET(), { signal: abort.signal });
    (await application.accept()).send(reply("\nall"));
    const response = await fetched;
    abort.abort();
    assertEquals(await response.text(), "all");
  });

  it("on a connection that is kept: it is closed, and the next one has another", async () => {
    const { application, client } = setUp({ keepConnection: true, maxConnections: 1 });
    const abort = new AbortController();
    const first = client.fetch(GET(), { signal: abort.signal });
    const connection = await application.accept();
    await connection.request();
    const next = client.fetch(GET());
    abort.abort();
    assertEquals((await assertRejects(() => first)).name, "AbortError");
    await connection.closed();
    const other = await application.accept();
    await other.request();
    other.send(reply("\nsecond"));
    assertEquals(await (await next).text(), "second");
  });

  it("in the middle of an upload: the body is cancelled", async () => {
    const { application, client } = setUp({ keepConnection: true, streamBody: true });
    const abort = new AbortController();
    const body = manualStream();
    const first = client.fetch(upload(body.stream), { signal: abort.signal });
    const connection = await application.accept();
    body.enqueue("part");
    while ((await connection.record())?.type !== RecordType.STDIN);
    abort.abort();
    await assertRejects(() => first);
    await body.cancelled;
    await connection.closed();
  });

  it("and the application sends without end: the connection is closed after all", async () => {
    const { application, client } = setUp({ keepConnection: true });
    const response = client.fetch(GET({ method: "HEAD" }));
    const connection = await application.accept();
    await connection.request();
    connection.send(stdout("\n"));
    assertEquals((await response).status, 200);
    let sent = 0;
    const { toPeer } = connection.duplex;
    while (toPeer.state === "open" && sent < 10_000_000) {
      connection.send(stdout("x".repeat(60_000)));
      sent += 60_000;
      await connection.ready.catch(() => {});
    }
    assert(sent < 2_000_000, `${sent} bytes were read`);
  });
});

describe("StreamClient.fetch", () => {
  for (const [name, make] of Object.entries(THROWN)) {
    // Deno asks for the prototype of what a stream fails with, whoever has the stream (Deno 2.9.6).
    const skip = runtime === "deno" && name.includes("proxy") && !name.startsWith("an error") &&
      "Deno's streams end the process of a proxy that throws";

    for (const keepConnection of [true, false]) {
      it(
        `takes ${name} as the reason of an abort, ${keepConnection ? "kept" : "closed"}`,
        { skip },
        async () => {
          const { application, client } = setUp({ keepConnection });
          const [early, late] = [new AbortController(), new AbortController()];
          const failed = settled(client.fetch(GET(), { signal: early.signal }));
          const first = await application.accept();
          await first.request();
          early.abort(make());
          assertEquals(await failed, "rejected");

          const fetched = client.fetch(GET(), { signal: late.signal });
          const second = await application.accept();
          await second.request();
          second.send(stdout("\npart"));
          const text = settled((await fetched).text());
          late.abort(make());
          assertEquals(await text, "rejected");

          const cancelled = client.fetch(GET());
          const third = await application.accept();
          await third.request();
          third.send(stdout("\npart"));
          await (await cancelled).body!.cancel(make());
          client.close();
        },
      );
    }
  }

  it("fails of nothing that onStderr throws or rejects with", async () => {
    const printed = await captureConsoleError(async () => {
      for (const how of ["throws", "rejects"]) {
        const { application, client } = setUp({
          onStderr(line) {
            if (how === "throws") throw Object.create(null);
            return Promise.reject(line) as unknown as void;
          },
        });
        const fetched = client.fetch(GET());
        const connection = await application.accept();
        connection.send(stderr("one\ntwo"), stdout("\nfine"), end());
        assertEquals(await (await fetched).text(), "fine");
      }
      await new Promise((resolve) => setTimeout(resolve, 0));
    });
    assertEquals(printed.flat(), [
      "Uncaught Object {}",
      "Uncaught Object {}",
      "Uncaught one",
      "Uncaught two",
    ]);
  });

  it("prints lines of STDERR without control characters by default", async () => {
    const printed = await captureConsoleError(async () => {
      const { application, client } = setUp({ onStderr: undefined });
      const fetched = client.fetch(GET());
      const connection = await application.accept();
      connection.send(stderr(utf8("\x1b[2Jone\u2028two\x9b %s\n")), stdout("\nfine"), end());
      assertEquals(await (await fetched).text(), "fine");
    });
    assertEquals(printed, [[" [2Jone two %s"]]);
  });
});

/** How a promise ends; what it rejects with is not looked at. */
function settled(promise: Promise<unknown>): Promise<"resolved" | "rejected"> {
  return promise.then(() => "resolved" as const, () => "rejected" as const);
}
