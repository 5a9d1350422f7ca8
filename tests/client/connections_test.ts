/** Which connection a request takes. */
import { StreamClient } from "../../src/client/mod.ts";
import { FastCgiError } from "../../src/protocol/mod.ts";
import { assertEquals, assertRejects } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { Application, type ApplicationConnection, end, reply, stdout } from "./_application.ts";

const GET = (init?: RequestInit) => new Request("http://localhost/", init);

function setUp(options: Partial<ConstructorParameters<typeof StreamClient>[0]> = {}) {
  const application = new Application();
  const client = new StreamClient({
    connect: application.connect,
    keepConnection: true,
    // Tests leave idle connections behind, but no timers.
    idleTimeout: 0,
    ...options,
  });
  return { application, client };
}

/** Has one request answered on a connection of its own, which is idle then. */
async function idleConnection(
  application: Application,
  client: StreamClient,
): Promise<ApplicationConnection> {
  const fetched = client.fetch(GET());
  const connection = await application.accept();
  assertEquals((await connection.request()).flags, 1);
  connection.send(reply("\nfirst"));
  assertEquals(await (await fetched).text(), "first");
  return connection;
}

describe("A connection that is kept", () => {
  it("carries one request after another", async () => {
    const { application, client } = setUp();
    const connection = await idleConnection(application, client);
    for (const body of ["second", "third"]) {
      const fetched = client.fetch(GET());
      await connection.request();
      connection.send(reply(`\n${body}`));
      assertEquals(await (await fetched).text(), body);
    }
    assertEquals(application.connects, 1);
    client.close();
    await connection.closed();
  });

  it("is not used any more when the application has closed it", async () => {
    const { application, client } = setUp();
    const connection = await idleConnection(application, client);
    connection.close();
    await connection.closed();
    const next = await idleConnection(application, client);
    assertEquals(next === connection, false);
  });

  it("is closed when the application says something nobody asked for", async () => {
    const { application, client } = setUp();
    const connection = await idleConnection(application, client);
    connection.send(stdout("late"));
    await connection.closed();
  });

  it("is closed when there is more behind the end of a request", async () => {
    const { application, client } = setUp();
    const fetched = client.fetch(GET());
    const connection = await application.accept();
    connection.send(reply("\nok"), stdout("late"));
    assertEquals(await (await fetched).text(), "ok");
    await connection.closed();
  });

  it("is closed when half a record stands behind the end of a request", async () => {
    const { application, client } = setUp();
    const fetched = client.fetch(GET());
    const connection = await application.accept();
    connection.send(reply("\nok"), stdout("late").subarray(0, 5));
    assertEquals(await (await fetched).text(), "ok");
    await connection.closed();
  });

  it("is closed when the application ended a request before all of it was sent", async () => {
    const { application, client } = setUp({ streamBody: true });
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>();
    const init = { method: "POST", body, duplex: "half" } as RequestInit;
    const fetched = client.fetch(GET(init));
    const connection = await application.accept();
    connection.send(reply("\nenough"));
    assertEquals(await (await fetched).text(), "enough");
    await connection.closed();
  });

  for (const method of ["GET", "HEAD", "PUT"]) {
    it(`is replaced once by a new one if it breaks under ${method}`, async () => {
      const { application, client } = setUp();
      const connection = await idleConnection(application, client);
      const body = method === "PUT" ? "again" : null;
      const fetched = client.fetch(GET({ method, body }));
      await connection.request();
      connection.close();
      const next = await application.accept();
      const received = await next.request();
      assertEquals(new Map(received.params).get("REQUEST_METHOD"), method);
      assertEquals(new TextDecoder().decode(received.stdin), body ?? "");
      next.send(reply("\n"));
      assertEquals((await fetched).status, 200);
      assertEquals(application.connects, 2);
    });
  }

  it("is not replaced twice", async () => {
    const { application, client } = setUp();
    const connection = await idleConnection(application, client);
    const fetched = client.fetch(GET());
    await connection.request();
    connection.duplex.fail();
    const next = await application.accept();
    await next.request();
    next.close();
    const error = await assertRejects(() => fetched, FastCgiError);
    assertEquals([error.code, application.connects], ["connection_lost", 2]);
  });

  it("is not replaced for POST, which may have been carried out", async () => {
    const { application, client } = setUp();
    const connection = await idleConnection(application, client);
    const fetched = client.fetch(GET({ method: "POST", body: "buy" }));
    await connection.request();
    connection.close();
    await assertRejects(() => fetched, FastCgiError);
    assertEquals(application.connects, 1);
  });

  it("is replaced for POST, too, if the system says that nothing was sent", async () => {
    const { application, client } = setUp();
    const connection = await idleConnection(application, client);
    const broken = Object.assign(new Error("write EPIPE"), { code: "EPIPE" });
    connection.duplex.toServer.failNextWrite(broken);
    const fetched = client.fetch(GET({ method: "POST", body: "buy" }));
    await connection.closed();
    connection.duplex.fail(broken);
    const next = await application.accept();
    assertEquals(new TextDecoder().decode((await next.request()).stdin), "buy");
    next.send(reply("\nbought"));
    assertEquals(await (await fetched).text(), "bought");
  });

  it("is not replaced for a body that cannot be sent again", async () => {
    const { application, client } = setUp({ bufferBody: 3 });
    const connection = await idleConnection(application, client);
    const headers = { "content-length": "8" };
    const fetched = client.fetch(GET({ method: "PUT", body: "too long", headers }));
    await connection.request();
    connection.close();
    await assertRejects(() => fetched, FastCgiError);
  });

  it("is not replaced once something has come", async () => {
    const { application, client } = setUp();
    const connection = await idleConnection(application, client);
    const fetched = client.fetch(GET());
    await connection.request();
    connection.send(stdout("X: 1\n"));
    connection.close();
    await assertRejects(() => fetched, FastCgiError);
    assertEquals(application.connects, 1);
  });

  it("is not replaced if it was new", async () => {
    const { application, client } = setUp();
    const fetched = client.fetch(GET());
    (await application.accept()).close();
    await assertRejects(() => fetched, FastCgiError);
    assertEquals(application.connects, 1);
  });
});

describe("Several requests at a time", () => {
  it("have a connection each", async () => {
    const { application, client } = setUp();
    const fetched = [client.fetch(GET()), client.fetch(GET()), client.fetch(GET())];
    const connections = [];
    for (const _ of fetched) connections.push(await application.accept());
    for (const connection of connections) await connection.request();
    connections.forEach((connection, i) => connection.send(reply(`\n${i}`)));
    const bodies = await Promise.all(fetched.map(async (response) => (await response).text()));
    assertEquals(bodies.sort(), ["0", "1", "2"]);
  });

  it("wait for each other at maxConnections, whether connections are kept or not", async () => {
    for (const keepConnection of [true, false]) {
      const { application, client } = setUp({ maxConnections: 1, keepConnection });
      const first = client.fetch(GET());
      const second = client.fetch(GET());
      let connection = await application.accept();
      await connection.request();
      assertEquals(application.connects, 1);
      connection.send(stdout("\nfirst"), end());
      assertEquals(await (await first).text(), "first");
      if (!keepConnection) connection = await application.accept();
      await connection.request();
      connection.send(reply("\nsecond"));
      assertEquals(await (await second).text(), "second");
      assertEquals(application.connects, keepConnection ? 1 : 2);
    }
  });

  it("stop waiting when they are given up", async () => {
    const { application, client } = setUp({ maxConnections: 1 });
    const first = client.fetch(GET());
    const abort = new AbortController();
    const second = client.fetch(GET(), { signal: abort.signal });
    const connection = await application.accept();
    abort.abort();
    await assertRejects(() => second);
    await connection.request();
    connection.send(reply("\nfirst"));
    assertEquals(await (await first).text(), "first");
    // The place that the second waited for is not lost.
    const third = client.fetch(GET());
    await connection.request();
    connection.send(reply("\nthird"));
    assertEquals(await (await third).text(), "third");
  });

  it("make room for values, which takes a connection of its own", async () => {
    const { application, client } = setUp({ maxConnections: 1 });
    const connection = await idleConnection(application, client);
    const asked = client.values(["FCGI_MAX_REQS"]);
    await connection.closed();
    (await application.accept()).close();
    await assertRejects(() => asked, FastCgiError);
  });
});

describe("StreamClient.close", () => {
  it("ends what is under way, and what waits", async () => {
    const { application, client } = setUp({ maxConnections: 1 });
    const first = client.fetch(GET());
    const second = client.fetch(GET());
    const connection = await application.accept();
    connection.send(stdout("\npart"));
    const body = (await first).text();
    client.close();
    assertEquals((await assertRejects(() => body, FastCgiError)).code, "connection_lost");
    await assertRejects(() => second, TypeError, "closed");
    await assertRejects(() => client.fetch(GET()), TypeError, "closed");
    await connection.closed();
  });

  it("closes a connection that is still being made", async () => {
    const application = new Application();
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    const { promise: connecting, resolve } = Promise.withResolvers<void>();
    const client = new StreamClient({
      async connect() {
        resolve();
        await gate;
        return application.connect();
      },
    });
    const fetched = client.fetch(GET());
    await connecting;
    client.close();
    open();
    await assertRejects(() => fetched, TypeError, "closed");
    await (await application.accept()).closed();
  });

  it("is what disposing does", async () => {
    const { application, client } = setUp();
    const connection = await idleConnection(application, client);
    await client[Symbol.asyncDispose]();
    await connection.closed();
  });
});
