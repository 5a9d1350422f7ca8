/** The limits of a client: connections, the queue for them, and times. */
import { StreamClient } from "../../src/client/mod.ts";
import { FastCgiError } from "../../src/protocol/mod.ts";
import { assertEquals, assertRejects, assertStringIncludes } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { LongTimers } from "../server/_long_timers.ts";
import { Application, end, reply, stdout } from "./_application.ts";

const GET = (init?: RequestInit) => new Request("http://localhost/", init);

function setUp(options: Partial<ConstructorParameters<typeof StreamClient>[0]> = {}) {
  const application = new Application();
  const client = new StreamClient({
    connect: application.connect,
    maxConnections: 1,
    idleTimeout: 0,
    connectTimeout: 0,
    queueTimeout: 0,
    ...options,
  });
  return { application, client };
}

async function rejection(promise: Promise<unknown>, code: string): Promise<string> {
  const error = await assertRejects(() => promise, FastCgiError);
  assertEquals(error.code, code);
  return error.message;
}

describe("The queue for connections", () => {
  it("is served in the order of arrival, also by connections that are kept", async () => {
    const { application, client } = setUp({ keepConnection: true });
    const order: number[] = [];
    const fetched = [0, 1, 2, 3].map(async (number) => {
      const response = await client.fetch(GET());
      order.push(number);
      await response.text();
    });
    const connection = await application.accept();
    for (let i = 0; i < 4; i++) {
      await connection.request();
      connection.send(reply("\n"));
    }
    await Promise.all(fetched);
    assertEquals([order, application.connects], [[0, 1, 2, 3], 1]);
    client.close();
  });

  it("does not let one who comes later overtake one who has waited", async () => {
    const { application, client } = setUp({ keepConnection: true });
    const order: string[] = [];
    const ask = async (name: string) => {
      const response = await client.fetch(GET());
      order.push(name);
      return await response.text();
    };
    const first = ask("first");
    const waiting = ask("waiting");
    const connection = await application.accept();
    await connection.request();
    connection.send(reply("\n"));
    await first;
    const late = ask("late");
    for (let i = 0; i < 2; i++) {
      await connection.request();
      connection.send(reply("\n"));
    }
    await Promise.all([waiting, late]);
    assertEquals(order, ["first", "waiting", "late"]);
    client.close();
  });

  it("costs the application nothing for those who have left it", async () => {
    const { application, client } = setUp();
    const first = client.fetch(GET());
    const connection = await application.accept();
    await connection.request();
    const abort = new AbortController();
    const left = Array.from({ length: 50 }, () => client.fetch(GET(), { signal: abort.signal }));
    const last = client.fetch(GET());
    abort.abort(new Error("gone"));
    for (const fetched of left) assertEquals((await assertRejects(() => fetched)).message, "gone");
    connection.send(reply("\n"));
    await (await first).text();
    const next = await application.accept();
    await next.request();
    next.send(reply("\nlast"));
    assertEquals(await (await last).text(), "last");
    assertEquals(application.connects, 2);
    await next.closed();
  });

  it("gives a connection that nobody wants any more to the next one", async () => {
    const application = new Application();
    const { promise: mayConnect, resolve: connectNow } = Promise.withResolvers<void>();
    const client = new StreamClient({
      connect: () => mayConnect.then(application.connect),
      maxConnections: 1,
      connectTimeout: 0,
      queueTimeout: 0,
    });
    const abort = new AbortController();
    const left = client.fetch(GET(), { signal: abort.signal });
    const next = client.fetch(GET());
    abort.abort();
    await assertRejects(() => left);
    connectNow();
    const connection = await application.accept();
    await connection.request();
    connection.send(reply("\nnext"));
    assertEquals(await (await next).text(), "next");
    assertEquals(application.connects, 1);
  });

  it("has a limit, beyond which a request is refused at once", async () => {
    const { application, client } = setUp({ maxQueue: 2 });
    const taken = [0, 1, 2].map(() => client.fetch(GET()));
    const message = await rejection(client.fetch(GET()), "overloaded");
    assertStringIncludes(message, "2 requests wait already (maxQueue)");
    for (const fetched of taken) {
      const connection = await application.accept();
      await connection.request();
      connection.send(reply("\n"));
      await (await fetched).text();
    }
  });

  it("has a limit of 0: whoever cannot have a connection is refused", async () => {
    const { application, client } = setUp({ maxQueue: 0 });
    const first = client.fetch(GET());
    await rejection(client.fetch(GET()), "overloaded");
    const connection = await application.accept();
    connection.send(reply("\n"));
    assertEquals((await first).status, 200);
  });

  it("is left after a time", async () => {
    const { application, client } = setUp({ queueTimeout: 20 });
    const first = client.fetch(GET());
    const message = await rejection(client.fetch(GET()), "overloaded");
    assertStringIncludes(message, "none of 1 was free within 20 ms");
    (await application.accept()).send(reply("\n"));
    assertEquals((await first).status, 200);
  });

  it("ends with the client", async () => {
    const { application, client } = setUp();
    const first = client.fetch(GET());
    const second = client.fetch(GET());
    await application.accept();
    client.close();
    assertStringIncludes((await assertRejects(() => second, TypeError)).message, "it is closed");
    await assertRejects(() => first);
    await assertRejects(() => client.fetch(GET()), TypeError);
  });
});

describe("Connecting", () => {
  it("may take so long, and a connection that comes later is closed", async () => {
    const application = new Application();
    const { promise: mayConnect, resolve: connectNow } = Promise.withResolvers<void>();
    const client = new StreamClient({
      connect: () => mayConnect.then(application.connect),
      connectTimeout: 20,
    });
    const message = await rejection(client.fetch(GET()), "timed_out");
    assertStringIncludes(message, "within 20 ms (connectTimeout)");
    connectNow();
    await (await application.accept()).closed();
  });

  it("ends with the client", async () => {
    const client = new StreamClient({ connect: () => new Promise(() => {}) });
    const fetched = client.fetch(GET());
    client.close();
    await assertRejects(() => fetched, TypeError, "it is closed");
  });
});

describe("The reply", () => {
  it("must begin within a time, or the connection is closed", async () => {
    const { application, client } = setUp({ responseTimeout: 20, keepConnection: true });
    const fetched = client.fetch(GET());
    const connection = await application.accept();
    const message = await rejection(fetched, "timed_out");
    assertStringIncludes(message, "has not begun its reply within 20 ms (responseTimeout)");
    await connection.closed();
  });

  it("may take its time once it has begun", async () => {
    using timers = new LongTimers();
    const { application, client } = setUp({ responseTimeout: 3_000 });
    const fetched = client.fetch(GET());
    const connection = await application.accept();
    await connection.request();
    assertEquals(timers.delays, [3_000]);
    connection.send(stdout("X: 1\n"));
    while (timers.delays.length > 0) await Promise.resolve();
    connection.send(stdout("\nlate"), end());
    assertEquals(await (await fetched).text(), "late");
  });
});

describe("A connection that is kept", () => {
  it("is closed when it has been idle for a time", async () => {
    const { application, client } = setUp({ keepConnection: true, idleTimeout: 20 });
    const fetched = client.fetch(GET());
    const connection = await application.accept();
    await connection.request();
    connection.send(reply("\n"));
    await (await fetched).text();
    await connection.closed();
  });

  it("is not closed while it is in use", async () => {
    using timers = new LongTimers();
    const { application, client } = setUp({ keepConnection: true, idleTimeout: 3_000 });
    const first = client.fetch(GET());
    const connection = await application.accept();
    await connection.request();
    connection.send(reply("\n"));
    await (await first).text();
    const second = client.fetch(GET());
    await connection.request();
    assertEquals(timers.delays, []);
    connection.send(reply("\nstill there"));
    assertEquals(await (await second).text(), "still there");
    client.close();
  });

  it("is closed after so many requests", async () => {
    const { application, client } = setUp({ keepConnection: true, maxConnectionUses: 2 });
    for (let connections = 1; connections <= 2; connections++) {
      const fetched = client.fetch(GET());
      const connection = await application.accept();
      await connection.request();
      connection.send(reply("\n"));
      await (await fetched).text();
      const second = client.fetch(GET());
      await connection.request();
      connection.send(reply("\n"));
      await (await second).text();
      await connection.closed();
      assertEquals(application.connects, connections);
    }
  });
});

describe("StreamClient.ping", () => {
  it("is answered by any answer to GET_VALUES, and by nothing else", async () => {
    const { application, client } = setUp();
    const pinged = client.ping();
    const connection = await application.accept();
    assertEquals((await connection.record())?.type, 9);
    connection.send(new Uint8Array([1, 11, 0, 0, 0, 8, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0]));
    await pinged;
    const lost = client.ping();
    (await application.accept()).close();
    await rejection(lost, "connection_lost");
    const silent = new StreamClient({ connect: application.connect, responseTimeout: 20 }).ping();
    await rejection(silent, "timed_out");
  });

  it("ends by a signal", async () => {
    const { client } = setUp();
    const abort = new AbortController();
    const pinged = client.ping({ signal: abort.signal });
    abort.abort(new Error("enough"));
    await assertRejects(() => pinged, Error, "enough");
    client.close();
  });
});
