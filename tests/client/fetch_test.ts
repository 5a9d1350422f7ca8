/** What a client sends for a request, and what it makes of a reply. */
import { StreamClient } from "../../src/client/mod.ts";
import { RecordType } from "../../src/protocol/mod.ts";
import { assertBytes, bytes, chunksOf, concat, latin1, pattern } from "../_bytes.ts";
import { assert, assertEquals, assertLess } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { parseRecords, rawRecord } from "../_records.ts";
import {
  Application,
  end,
  manualStream,
  readText,
  reply,
  stderr,
  stdout,
  upload,
} from "./_application.ts";

type Options = Partial<ConstructorParameters<typeof StreamClient>[0]>;

function setUp(options: Options = {}) {
  const application = new Application();
  const client = new StreamClient({ connect: application.connect, ...options });
  return { application, client };
}

/** Sends a request and has it answered; resolves with both. */
async function exchange(request: Request, answer: string, options?: Options) {
  const { application, client } = setUp(options);
  const fetched = client.fetch(request);
  const connection = await application.accept();
  const received = await connection.request();
  connection.send(reply(answer));
  return { response: await fetched, received, connection };
}

const GET = (path = "/") => new Request(`http://localhost${path}`);
const POST = (body: BodyInit) => new Request("http://localhost/", { method: "POST", body });

describe("StreamClient.fetch, the request", () => {
  it("goes out in one write", async () => {
    const { response, connection } = await exchange(GET("/x?y"), "\nok");
    assertEquals(await response.text(), "ok");
    const [first, ...others] = connection.duplex.toServer.writes;
    assertEquals(others, []);
    assertEquals(
      parseRecords(first).map(({ type, id, content }) => [type, id, content.length > 0]),
      [[1, 1, true], [4, 1, true], [4, 1, false], [5, 1, false]],
    );
  });

  it("asks for a responder that closes the connection", async () => {
    const { received } = await exchange(GET("/x?y"), "\nok");
    assertEquals([received.role, received.flags], [1, 0]);
    const params = new Map(received.params);
    assertEquals(params.get("REQUEST_URI"), "/x?y");
    assertEquals(params.get("CONTENT_LENGTH"), "");
  });

  it("carries a small body with its length in the first write", async () => {
    const { received, connection } = await exchange(POST("größe"), "\n");
    assertEquals(new TextDecoder().decode(received.stdin), "größe");
    assertEquals(new Map(received.params).get("CONTENT_LENGTH"), "7");
    assertEquals(connection.duplex.toServer.writes.length, 1);
  });

  it("corrects a length that lies about a small body", async () => {
    const { stream, enqueue, close } = manualStream();
    enqueue("abc");
    close();
    const { received } = await exchange(upload(stream, { "content-length": "99" }), "\n");
    assertEquals(new Map(received.params).get("CONTENT_LENGTH"), "3");
  });

  it("carries the type of a form", async () => {
    const { received } = await exchange(POST(new URLSearchParams({ a: "1" })), "\n");
    const type = new Map(received.params).get("CONTENT_TYPE") ?? "";
    assert(type.startsWith("application/x-www-form-urlencoded"), type);
    assertEquals(latin1(received.stdin), "a=1");
  });

  it("streams a large body, and believes its Content-Length", async () => {
    const content = pattern(300_000);
    const body = new Blob([content]).stream() as ReadableStream<Uint8Array<ArrayBuffer>>;
    const { received } = await exchange(upload(body, { "content-length": "300000" }), "\n");
    assertBytes(received.stdin, content);
    assertEquals(new Map(received.params).get("CONTENT_LENGTH"), "300000");
  });

  it("holds a body back while the application does not read", async () => {
    const { application, client } = setUp();
    let pulled = 0;
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull(controller) {
        pulled += 65_536;
        if (pulled > 4_000_000) controller.close();
        else controller.enqueue(pattern(65_536));
      },
    }, { highWaterMark: 0 });
    const fetched = client.fetch(upload(body, { "content-length": "3997696" }));
    const connection = await application.accept();
    const { toServer } = connection.duplex;
    // One part fills the pipe, and the next waits for room.
    await toServer.until(() => toServer.bytesWritten > 60_000);
    const before = pulled;
    for (let turn = 0; turn < 100; turn++) await Promise.resolve();
    assertEquals(pulled, before);
    assertLess(pulled, 400_000);
    const { stdin } = await connection.request();
    assertEquals(stdin.length, pulled - 65_536);
    connection.send(reply("\n"));
    await (await fetched).text();
  });

  it("passes a body of unknown length on as it comes if it is told to", async () => {
    const { application, client } = setUp({ streamBody: true });
    const body = manualStream();
    const fetched = client.fetch(upload(body.stream));
    const connection = await application.accept();
    const next = async () => latin1((await connection.record())!.content);
    while ((await connection.record())?.type !== RecordType.PARAMS);
    await next();
    body.enqueue("ping");
    assertEquals(await next(), "ping");
    connection.send(stdout("\npong"));
    const response = await fetched;
    body.enqueue("ping again");
    assertEquals(await next(), "ping again");
    body.close();
    assertEquals(await next(), "");
    connection.send(end());
    assertEquals(await response.text(), "pong");
  });

  it("takes parameters from the client's options, and then from its own", async () => {
    const { application, client } = setUp({ params: { A: "client", B: "client" } });
    const fetched = client.fetch(GET(), { params: { B: "own", QUERY_STRING: undefined } });
    const connection = await application.accept();
    const params = new Map((await connection.request()).params);
    assertEquals([params.get("A"), params.get("B")], ["client", "own"]);
    assertEquals(params.has("QUERY_STRING"), false);
    connection.send(reply("\n"));
    await fetched;
  });

  it("cuts parameters into records when they are many", async () => {
    const value = "v".repeat(100_000);
    const { received } = await exchange(GET(), "\n", { params: { LONG: value, LAST: "1" } });
    assertEquals(new Map(received.params).get("LONG"), value);
    assertEquals(received.params.at(-1), ["LAST", "1"]);
  });

  it("gives an authorizer no STDIN", async () => {
    const { application, client } = setUp();
    const request = POST("body");
    const fetched = client.fetch(request, { role: "authorizer" });
    const connection = await application.accept();
    const received = await connection.request();
    assertEquals(received.role, 2);
    assertEquals(new Map(received.params).has("SCRIPT_NAME"), false);
    connection.send(reply("Variable-AUTH_METHOD: database lookup\n\n"));
    assertEquals((await fetched).headers.get("variable-auth_method"), "database lookup");
    const types = connection.duplex.toServer.writes.flatMap(parseRecords).map(({ type }) => type);
    assertEquals(types, [RecordType.BEGIN_REQUEST, RecordType.PARAMS, RecordType.PARAMS]);
    assertEquals(await request.text(), "body");
  });

  for (
    const [name, data, length] of [
      ["bytes", bytes("the file"), "8"],
      ["a stream", new Blob(["the file"]).stream(), undefined],
    ] as const
  ) {
    it(`gives a filter its DATA from ${name}`, async () => {
      const { application, client } = setUp();
      const fetched = client.fetch(POST("in"), { role: "filter", data });
      const connection = await application.accept();
      const received = await connection.request();
      assertEquals(received.role, 3);
      assertEquals([latin1(received.stdin), latin1(received.data)], ["in", "the file"]);
      assertEquals(new Map(received.params).get("FCGI_DATA_LENGTH"), length);
      connection.send(reply("\n"));
      await fetched;
    });
  }
});

describe("StreamClient.fetch, the response", () => {
  it("has the status, the headers and the cookies", async () => {
    const answer = "Content-Type: text/plain\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2; Path=/\r\n" +
      "Set-Cookie: c=3\r\nX-Latin: \xe4\r\nStatus: 418 I'm a teapot\r\n\r\nshort and stout";
    const { response } = await exchange(GET(), answer);
    assertEquals([response.status, response.statusText], [418, "I'm a teapot"]);
    assertEquals(response.headers.get("content-type"), "text/plain");
    assertEquals(response.headers.get("x-latin"), "\xe4");
    assertEquals(response.headers.has("status"), false);
    assertEquals(response.headers.getSetCookie(), ["a=1", "b=2; Path=/", "c=3"]);
    assertEquals(await response.text(), "short and stout");
  });

  it("is a redirect for a Location without a Status", async () => {
    const { response } = await exchange(GET(), "Location: /there\n\n");
    assertEquals([response.status, response.headers.get("location")], [302, "/there"]);
  });

  it("streams: a part arrives before the next one is sent", async () => {
    const { application, client } = setUp();
    const fetched = client.fetch(GET());
    const connection = await application.accept();
    connection.send(stdout("\n"));
    const reader = (await fetched).body!.getReader();
    for (const part of ["one", "two", "three"]) {
      connection.send(stdout(part));
      assertEquals(latin1((await reader.read()).value!), part);
    }
    connection.send(end());
    assertEquals((await reader.read()).done, true);
  });

  it("survives any cut of the bytes", async () => {
    const content = pattern(200_000);
    const encoded = concat([
      stdout("Content-Length: 200000\n\n"),
      ...chunksOf(content, 50_001).flatMap((part) => [stdout(part), stderr("!\n")]),
      end(),
    ]);
    for (const size of [997, 8192, encoded.length]) {
      const lines: string[] = [];
      const { application, client } = setUp({ onStderr: (line) => lines.push(line) });
      const fetched = client.fetch(GET());
      const connection = await application.accept();
      for (const chunk of chunksOf(encoded, size)) connection.send(chunk);
      const response = await fetched;
      assertBytes(new Uint8Array(await response.arrayBuffer()), content);
      assertEquals(lines, ["!", "!", "!", "!"]);
    }
  });

  it("holds the application back while its body is not read", async () => {
    const { application, client } = setUp();
    const fetched = client.fetch(GET());
    const connection = await application.accept();
    const { toPeer } = connection.duplex;
    connection.send(stdout("\n"));
    const response = await fetched;
    const content = pattern(1_000_000);
    for (const part of chunksOf(content, 10_000)) connection.send(stdout(part));
    connection.send(end());
    await toPeer.until(() => toPeer.bytesRead > 60_000);
    for (let turn = 0; turn < 100; turn++) await Promise.resolve();
    assertLess(toPeer.bytesRead, 100_000);
    assertBytes(new Uint8Array(await response.arrayBuffer()), content);
  });

  for (
    const [method, status] of [["HEAD", 200], ["GET", 204], ["GET", 304], ["GET", 205]] as const
  ) {
    it(`has no body for ${method} and ${status}, whatever comes`, async () => {
      const request = new Request("http://localhost/", { method });
      const answer = `Status: ${status}\nContent-Length: 1000\n\nnot wanted`;
      const { response, connection } = await exchange(request, answer);
      assertEquals([response.status, response.body], [status, null]);
      await connection.closed();
    });
  }

  it("closes the connection at its end, with or without an end of STDOUT", async () => {
    for (const ending of [[end()], [stdout(""), end()]]) {
      const { application, client } = setUp();
      const fetched = client.fetch(GET());
      const connection = await application.accept();
      connection.send(stdout("\nx"), ...ending);
      assertEquals(await (await fetched).text(), "x");
      await connection.closed();
    }
  });

  it("is complete when STDOUT and then the connection were closed", async () => {
    const { application, client } = setUp();
    const fetched = client.fetch(GET());
    const connection = await application.accept();
    connection.send(stdout("\nall"), stdout(""));
    connection.close();
    assertEquals(await (await fetched).text(), "all");
  });

  it("is complete whatever the application's exit status: no web server looks at it", async () => {
    const { application, client } = setUp();
    const fetched = client.fetch(GET());
    const connection = await application.accept();
    const content = bytes([0, 0, 3, 0xaa, 0, 0, 0, 0]);
    connection.send(stdout("\nbody"), stdout(""), rawRecord({ type: 3, content }));
    assertEquals(await (await fetched).text(), "body");
  });

  it("takes no more of a body than its Content-Length says, as nginx does", async () => {
    const { application, client } = setUp();
    const fetched = client.fetch(GET());
    const connection = await application.accept();
    connection.send(stdout("Content-Length: 5\n\nfiv"), stdout("e\n more"), stdout("more"), end());
    assertEquals(await (await fetched).text(), "five\n");
  });

  it("tells onEnd of the exit status, behind a whole response, too", async () => {
    const { application, client } = setUp();
    for (const appStatus of [0, 255]) {
      const statuses: number[] = [];
      const fetched = client.fetch(GET(), { onEnd: (status) => void statuses.push(status) });
      const connection = await application.accept();
      connection.send(stdout("\nFatal error"), end(0, appStatus));
      assertEquals(await (await fetched).text(), "Fatal error");
      assertEquals(statuses, [appStatus]);
    }
  });

  it("tells onBreak of a body that breaks off, and of no other", async () => {
    const { application, client } = setUp();
    for (const isBroken of [true, false]) {
      const errors: unknown[] = [];
      const fetched = client.fetch(GET(), { onBreak: (error) => void errors.push(error) });
      const connection = await application.accept();
      connection.send(stdout("\npart"), ...isBroken ? [] : [end()]);
      connection.close();
      await (await fetched).text().catch(() => {});
      assertEquals(errors.length, isBroken ? 1 : 0);
    }
  });

  it("passes over records of other requests", async () => {
    const { application, client } = setUp();
    const fetched = client.fetch(GET());
    const connection = await application.accept();
    connection.send(rawRecord({ type: 6, id: 7, content: "\nother" }), reply("\nmine"));
    assertEquals(await (await fetched).text(), "mine");
  });

  it("stops an upload when the application has ended the request", async () => {
    const { application, client } = setUp({ streamBody: true });
    const body = manualStream();
    const fetched = client.fetch(upload(body.stream));
    const connection = await application.accept();
    body.enqueue("first part");
    connection.send(reply("Status: 413\n\ntoo large"));
    const response = await fetched;
    assertEquals([response.status, await response.text()], [413, "too large"]);
    await body.cancelled;
    await connection.closed();
  });

  it("lets an upload go on while the response comes", async () => {
    const { application, client } = setUp({ streamBody: true });
    const body = manualStream();
    const fetched = client.fetch(upload(body.stream));
    const connection = await application.accept();
    connection.send(stdout("\n"));
    const reader = (await fetched).body!.getReader();
    body.enqueue("late");
    body.close();
    assertEquals(latin1((await connection.request()).stdin), "late");
    connection.send(stdout("got it"), end());
    assertEquals(await readText(reader), "got it");
  });

  it("tells of STDERR line by line", async () => {
    const lines: string[] = [];
    const { application, client } = setUp({ onStderr: (line) => lines.push(line) });
    const fetched = client.fetch(GET());
    const connection = await application.accept();
    connection.send(stderr("one\ntw"), stdout("\n"), stderr("o\nthree"), end());
    await (await fetched).text();
    assertEquals(lines, ["one", "two", "three"]);
  });
});

describe("StreamClient.values", () => {
  it("asks, and reads the answer", async () => {
    const { application, client } = setUp();
    const asked = client.values(["FCGI_MAX_CONNS", "FCGI_MPXS_CONNS"]);
    const connection = await application.accept();
    const question = await connection.record();
    assertEquals([question?.type, question?.requestId], [RecordType.GET_VALUES, 0]);
    connection.send(
      rawRecord({ type: 10, id: 0, content: bytes([15, 1], "FCGI_MPXS_CONNS", "1") }),
    );
    assertEquals(await asked, new Map([["FCGI_MPXS_CONNS", "1"]]));
    await connection.closed();
  });

  it("takes UNKNOWN_TYPE for an answer without values", async () => {
    const { application, client } = setUp();
    const asked = client.values(["FCGI_MAX_CONNS"]);
    const connection = await application.accept();
    connection.send(rawRecord({ type: 11, id: 0, content: bytes([9, 0, 0, 0, 0, 0, 0, 0]) }));
    assertEquals(await asked, new Map());
  });
});
