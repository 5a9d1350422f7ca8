/** Several requests at once on one connection. */
import { serve } from "../../mod.ts";
import { FastCgiClient, StreamClient } from "../../src/client/mod.ts";
import { FastCgiError, RecordType } from "../../src/protocol/mod.ts";
import { encodeNameValues } from "../../src/protocol/name_value.ts";
import { assertBytes, bytes, concat, pattern, Random, randomChunks } from "../_bytes.ts";
import { assert, assertEquals, assertLess, assertRejects } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { rawRecord } from "../_records.ts";
import { waitUntil } from "../_runtime.ts";
import { Application, type ApplicationConnection } from "./_application.ts";

const GET = (path = "/", init?: RequestInit) => new Request(`http://localhost${path}`, init);
const stdout = (id: number, content: string | Uint8Array) =>
  rawRecord({ type: RecordType.STDOUT, id, content, padding: 5 });
const end = (id: number, appStatus = 0) =>
  rawRecord({
    type: RecordType.END_REQUEST,
    id,
    content: bytes([0, 0, 0, appStatus, 0, 0, 0, 0]),
  });
const reply = (id: number, text: string) => concat([stdout(id, text), end(id)]);

/** Waits while others do what they can. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await Promise.resolve();
}

/** A client of an application that says how many requests it takes on a connection. */
async function setUp(values: Record<string, string> = { FCGI_MPXS_CONNS: "1" }, most = 3) {
  const application = new Application();
  const client = new StreamClient({
    connect: application.connect,
    maxRequestsPerConnection: most,
    maxConnections: 2,
    onStderr() {},
    ...{ idleTimeout: 0, connectTimeout: 0, queueTimeout: 0 },
  });
  const asked = client.fetch(GET("/first"));
  const questions = await application.accept();
  assertEquals((await questions.record())?.type, RecordType.GET_VALUES);
  questions.send(rawRecord({
    type: RecordType.GET_VALUES_RESULT,
    id: 0,
    content: encodeNameValues(Object.entries(values)),
  }));
  await questions.closed();
  return { application, client, asked };
}

/** The ids of so many requests that have come whole, by their paths. */
async function requests(connection: ApplicationConnection, count: number) {
  const ids = new Map<string, number>();
  const ended = new Set<number>();
  while (ended.size < count) {
    const record = await connection.record();
    assert(record !== undefined, "The client has closed the connection");
    const text = String.fromCharCode(...record.content);
    const path = /REQUEST_URI(\/\w*)/.exec(text)?.[1];
    if (record.type === RecordType.PARAMS && path) ids.set(path, record.requestId);
    if (record.type === RecordType.STDIN && record.content.length === 0) {
      ended.add(record.requestId);
    }
  }
  return ids;
}

describe("Requests that share a connection", () => {
  it("have ids of their own, and get their answers in whatever order", async () => {
    const { application, client, asked } = await setUp();
    const connection = await application.accept();
    const second = client.fetch(GET("/second"));
    const third = client.fetch(GET("/third"));
    const ids = await requests(connection, 3);
    assertEquals([...ids.values()].sort(), [1, 2, 3]);
    const [a, b, c] = ["/first", "/second", "/third"].map((path) => ids.get(path)!);
    const all = concat([
      ...[stdout(c!, "\nth"), stdout(a!, "A: 1\n\nfi"), stdout(b!, "\n")],
      ...[stdout(c!, "ird"), end(c!), stdout(b!, "second"), stdout(a!, "rst"), end(b!), end(a!)],
    ]);
    // However it is cut.
    for (let offset = 0; offset < all.length; offset += 7) {
      connection.send(all.subarray(offset, offset + 7));
    }
    assertEquals(
      await Promise.all([asked, second, third].map(async (one) => await (await one).text())),
      ["first", "second", "third"],
    );
    assertEquals(application.connects, 2);
    client.close();
  });

  it("get their own, however the records are mixed and cut", async () => {
    for (let seed = 1; seed <= 40; seed++) {
      const random = new Random(seed);
      const { application, client, asked } = await setUp(undefined, 5);
      const connection = await application.accept();
      const paths = ["/first", "/b", "/c", "/d", "/e"];
      const fetched = [asked, ...paths.slice(1).map((path) => client.fetch(GET(path)))];
      const ids = await requests(connection, 5);
      const contents = paths.map(() => random.bytes(random.below(5_000)));
      const records = paths.map((path, index) => {
        const id = ids.get(path)!;
        // An empty record would end the stream.
        const parts = randomChunks(contents[index]!, random, 700).filter(({ length }) =>
          length > 0
        );
        const noise = () => rawRecord({ type: RecordType.STDERR, id, content: random.bytes(9) });
        return [stdout(id, "\n"), ...parts.flatMap((part) => [stdout(id, part), noise()]), end(id)];
      });
      const mixed: Uint8Array[] = [];
      while (records.some((list) => list.length > 0)) {
        mixed.push(random.pick(records.filter((list) => list.length > 0)).shift()!);
      }
      for (const chunk of randomChunks(concat(mixed), random, 900)) connection.send(chunk);
      const bodies = await Promise.all(fetched.map(async (one) => await (await one).bytes()));
      bodies.forEach((body, index) => assertBytes(body, contents[index]!, `seed ${seed}`));
      client.close();
    }
  });

  it("are no more than the limits allow: the next one gets another connection", async () => {
    const { application, client, asked } = await setUp();
    const first = await application.accept();
    const more = ["/b", "/c", "/d"].map((path) => client.fetch(GET(path)));
    await requests(first, 3);
    const second = await application.accept();
    assertEquals([...await requests(second, 1)], [["/d", 1]]);
    for (const id of [1, 2, 3]) first.send(reply(id, "\n"));
    second.send(reply(1, "\n"));
    for (const one of [asked, ...more]) await (await one).text();
    client.close();
  });

  it("are as many as the application says at most", async () => {
    const { application, client, asked } = await setUp({
      FCGI_MPXS_CONNS: "1",
      FCGI_MAX_REQS: "2",
    });
    const first = await application.accept();
    void client.fetch(GET("/b")).catch(() => {});
    void client.fetch(GET("/c")).catch(() => {});
    await requests(first, 2);
    await requests(await application.accept(), 1);
    client.close();
    await assertRejects(() => asked);
  });

  for (const values of [{ FCGI_MPXS_CONNS: "0" }, {}]) {
    it(`do not share it where the application says ${JSON.stringify(values)}`, async () => {
      const { application, client, asked } = await setUp(values as Record<string, string>);
      const first = await application.accept();
      const second = client.fetch(GET("/b"));
      assertEquals([...await requests(first, 1)], [["/first", 1]]);
      const other = await application.accept();
      assertEquals([...await requests(other, 1)], [["/b", 1]]);
      for (const connection of [first, other]) connection.send(reply(1, "\n"));
      await (await asked).text();
      await (await second).text();
      client.close();
    });
  }

  it("do not fail with one that is bad, whose id is not used again", async () => {
    const { application, client, asked } = await setUp();
    const connection = await application.accept();
    const bad = client.fetch(GET("/bad"));
    const ids = await requests(connection, 2);
    connection.send(stdout(ids.get("/bad")!, "<html>\n\n"));
    assertEquals((await assertRejects(() => bad, FastCgiError)).code, "bad_reply");
    const aborted = await connection.record();
    assertEquals([aborted?.type, aborted?.requestId], [RecordType.ABORT_REQUEST, ids.get("/bad")]);
    // A connection with such a request takes no more.
    const next = client.fetch(GET("/next"));
    const fresh = await application.accept();
    await requests(fresh, 1);
    fresh.send(reply(1, "\n"));
    assertEquals((await next).status, 200);
    connection.send(stdout(ids.get("/bad")!, "goes on"), reply(ids.get("/first")!, "\nfine"));
    assertEquals(await (await asked).text(), "fine");
    await connection.closed();
    client.close();
  });

  it("are aborted one by one, and their ids are used again", async () => {
    const { application, client, asked } = await setUp();
    const connection = await application.accept();
    const abort = new AbortController();
    const statuses: number[] = [];
    const given = client.fetch(GET("/given"), {
      signal: abort.signal,
      onEnd: (status) => void statuses.push(status),
    });
    const ids = await requests(connection, 2);
    const id = ids.get("/given")!;
    abort.abort(new Error("enough"));
    await assertRejects(() => given, Error, "enough");
    const aborted = await connection.record();
    assertEquals([aborted?.type, aborted?.requestId], [RecordType.ABORT_REQUEST, id]);
    connection.send(end(id, 1));
    connection.send(reply(ids.get("/first")!, "\nfine"));
    assertEquals(await (await asked).text(), "fine");
    assertEquals(statuses, []);
    const next = client.fetch(GET("/next"));
    assertEquals((await requests(connection, 1)).size, 1);
    connection.send(reply(1, "\n"));
    assertEquals((await next).status, 200);
    assertEquals(application.connects, 2);
    client.close();
  });

  for (
    const [what, bad] of [["ends", undefined], ["sends version 7", bytes([7, 0, 0, 0, 0, 0, 0, 0])]]
  ) {
    it(`all fail when the application ${what}`, async () => {
      const { application, client, asked } = await setUp();
      const connection = await application.accept();
      const second = client.fetch(GET("/b", { method: "POST", body: "x" }));
      const ids = await requests(connection, 2);
      connection.send(stdout(ids.get("/first")!, "\npart"));
      const body = (await asked).text();
      if (bad === undefined) connection.close();
      else connection.send(bad as Uint8Array);
      const code = bad === undefined ? "connection_lost" : "bad_version";
      for (const one of [body, second]) {
        assertEquals((await assertRejects(() => one, FastCgiError)).code, code);
      }
      await connection.closed();
      client.close();
    });
  }

  it("wait for one that is not read, and no memory grows", async () => {
    const { application, client, asked } = await setUp();
    const connection = await application.accept();
    const second = client.fetch(GET("/b"));
    const ids = await requests(connection, 2);
    const [a, b] = [ids.get("/first")!, ids.get("/b")!];
    connection.send(stdout(a, "\n"));
    const unread = await asked;
    let sent = 0;
    for (let isTaken = true; isTaken && sent < 5_000_000; sent += 60_000) {
      connection.send(stdout(a, "x".repeat(60_000)));
      isTaken = await Promise.race([
        connection.ready.then(() => true),
        turns(500).then(() => false),
      ]);
    }
    assertLess(sent, 1_000_000);
    connection.send(end(a), reply(b, "\nlate"));
    assertEquals((await unread.text()).length, sent);
    assertEquals(await (await second).text(), "late");
    client.close();
  });

  it("are 200 on two connections of a real server, with bodies in both directions", async () => {
    await using app = serve({ port: 0, onListen() {} }, async (request) => {
      return new Response((await request.bytes()).reverse());
    });
    await using client = new FastCgiClient({
      ...await app.ready,
      maxRequestsPerConnection: 100,
      maxConnections: 2,
    });
    const answers = Array.from({ length: 200 }, async (_, number) => {
      const body = pattern(1 + number * 997);
      const response = await client.fetch(GET(`/${number}`, { method: "POST", body }));
      assertBytes(await response.bytes(), body.slice().reverse());
    });
    await Promise.all(answers);
    // One more has asked for the values.
    await waitUntil(() => app.stats().connections.active <= 2);
    assertEquals(app.stats().connections.accepted, 3);
  });
});
