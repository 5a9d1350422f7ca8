/**
 * Requests that end before their handlers do. Whoever asks and takes it back at once has a handler
 * running for each (CVE-2023-44487 is the same over HTTP/2): it counts against the limits until it
 * has settled. Everything else of the request is given back at once.
 */
import type { ServeHandler } from "../../mod.ts";
import type { Connection } from "../../src/server/connection/connection.ts";
import type { ConnectionOptions } from "../../src/server/application/connection_options.ts";
import { Service } from "../../src/server/service.ts";
import { assert, assertEquals, assertInstanceOf } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { waitUntil } from "../_runtime.ts";
import { Reply } from "./_reply.ts";
import { abort, openRequest, request, stdin } from "./_request.ts";
import { Recorder } from "./_recorder.ts";
import { Ticks } from "./_ticks.ts";

const LIMIT = 10;

/** A service whose handlers settle when the test lets them. */
class Subject implements Disposable {
  readonly service: Service;
  running = 0;
  mostRunning = 0;
  readonly signals: AbortSignal[] = [];
  #gate = Promise.withResolvers<void>();
  readonly #connections: Connection[] = [];

  constructor(
    options: ConnectionOptions = {},
    limits: ConstructorParameters<typeof Service>[2] = { maxRequests: LIMIT },
    handler?: ServeHandler,
  ) {
    this.service = new Service(
      async (request, info) => {
        this.mostRunning = Math.max(this.mostRunning, ++this.running);
        this.signals.push(request.signal);
        const gate = this.#gate.promise;
        try {
          if (handler !== undefined) return await handler(request, info);
          await gate;
          return new Response("settled");
        } finally {
          this.running--;
        }
      },
      { onError: () => {}, ...options },
      limits,
    );
  }

  connect(): ReturnType<typeof Recorder.accept> {
    const one = Recorder.accept(this.service);
    this.#connections.push(one.connection);
    return one;
  }

  [Symbol.dispose](): void {
    for (const connection of this.#connections) connection.closed();
  }

  /** Lets the handlers answer, and waits until nothing counts any more. */
  async release(): Promise<void> {
    this.#gate.resolve();
    this.#gate = Promise.withResolvers();
    await this.nothingCounts();
  }

  async nothingCounts(): Promise<void> {
    await waitUntil(() => this.service.application.requestsInFlight === 0, {
      what: "the count to be 0",
    });
  }

  /** The status of a request on a connection of its own. */
  async ask(): Promise<number> {
    const { connection, transport } = this.connect();
    connection.receive(request());
    let reply = new Reply([]);
    await waitUntil(() => {
      reply = new Reply([...reply.records, ...transport.take()]);
      return reply.end !== undefined;
    });
    connection.closed();
    return reply.status;
  }
}

describe("a handler whose request has ended", () => {
  /** Each way to ask and to end it again, on a connection of its own. */
  const ways: Record<string, (one: ReturnType<typeof Recorder.accept>) => void> = {
    "because its connection is reset": ({ connection }) => {
      connection.receive(request());
      connection.closed(new Error("ECONNRESET"));
    },
    "because the web server aborts it": ({ connection }) => {
      connection.receive(request());
      connection.receive(abort());
    },
    "because the web server aborts it, and goes": ({ connection }) => {
      connection.receive(request());
      connection.receive(abort());
      connection.closed();
    },
    "because its body is too large": ({ connection }) => {
      connection.receive(openRequest());
      connection.receive(stdin("x".repeat(11)));
    },
    "because its connection breaks the protocol, and goes": ({ connection }) => {
      connection.receive(request());
      connection.receive(new Uint8Array(8));
      connection.closed();
    },
    "in an upload, because its connection is reset": ({ connection }) => {
      connection.receive(openRequest());
      connection.closed();
    },
  };
  for (const [how, end] of Object.entries(ways)) {
    it(`${how} counts against maxRequests until it has settled`, async () => {
      using subject = new Subject({ maxBodyBytes: 10 });
      for (let i = 0; i < 5 * LIMIT; i++) end(subject.connect());
      assertEquals([subject.running, subject.mostRunning], [LIMIT, LIMIT]);
      assertEquals(await subject.ask(), 503);
      assertEquals(subject.service.application.requestsInFlight, LIMIT);
      await subject.release();
      // There is room for as many again, and not for more.
      for (let i = 0; i < 5 * LIMIT; i++) end(subject.connect());
      assertEquals([subject.running, subject.mostRunning], [LIMIT, LIMIT]);
      await subject.release();
    });
  }

  it("counts against maxRequests when handlerTimeout has answered for it", async () => {
    using ticks = new Ticks();
    using subject = new Subject({ handlerTimeout: 1000 });
    for (let i = 0; i < 3 * LIMIT; i++) {
      subject.connect().connection.receive(request());
      ticks.tick(6);
    }
    assertEquals(subject.mostRunning, LIMIT);
    assert(subject.signals.every(({ aborted }) => aborted));
    await subject.release();
  });

  it("counts against maxRequestsPerConnection, so that ABORT_REQUEST starts no more", async () => {
    using subject = new Subject({ maxRequestsPerConnection: LIMIT }, {});
    const { connection, transport } = subject.connect();
    for (let i = 0; i < 5 * LIMIT; i++) {
      connection.receive(request({ id: 1 + 2 * (i % 7) }));
      connection.receive(abort(1 + 2 * (i % 7)));
    }
    assertEquals([subject.running, subject.mostRunning], [LIMIT, LIMIT]);
    transport.take();
    connection.receive(request());
    await waitUntil(() => subject.service.application.requestsInFlight === LIMIT);
    assertEquals(new Reply(transport.take()).status, 503);
    // It is no other connection's matter.
    const other = subject.connect();
    other.connection.receive(request());
    assertEquals(subject.running, LIMIT + 1);
    await subject.release();
    connection.receive(request());
    assertEquals(subject.running, 1);
    await subject.release();
  });

  it("does not keep others from a connection that it has left", async () => {
    using subject = new Subject({ maxRequestsPerConnection: 1 }, {});
    const { connection } = subject.connect();
    connection.receive(request());
    connection.closed();
    const next = subject.connect();
    next.connection.receive(request());
    assertEquals(subject.running, 2);
    await subject.release();
  });

  it("does not take a connection's place: that of one which has gone is free at once", async () => {
    using subject = new Subject({}, { maxConnections: 1 });
    for (let i = 0; i < 5; i++) {
      const { connection } = subject.connect();
      assert(connection.isServing);
      connection.receive(request());
      connection.closed();
    }
    assertEquals(subject.running, 5);
    await subject.release();
  });

  it("does not keep a shutdown waiting, nor the connection that it was asked on", async () => {
    using subject = new Subject();
    const { connection, transport } = subject.connect();
    connection.receive(request({ keep: false }));
    connection.receive(abort());
    assertEquals(transport.events, ["end"]);
    transport.ended();
    connection.receiveEnd();
    await subject.service.drain();
    assertEquals(subject.running, 1);
    await subject.release();
  });

  it("is told, and has no body to wait for", async () => {
    const failed = Promise.withResolvers<unknown>();
    using subject = new Subject({}, { maxRequests: 1 }, async (request) => {
      await request.text().catch(failed.resolve);
      return new Response();
    });
    const { connection, transport } = subject.connect();
    connection.receive(openRequest());
    connection.receive(stdin("some"));
    connection.closed();
    assertInstanceOf(await failed.promise, DOMException);
    assertEquals(subject.signals[0].aborted, true);
    assertEquals(transport.events, ["destroy"]);
    await subject.nothingCounts();
    assertEquals(await subject.ask(), 200);
  });

  it("counts once when it answers late, fails, or answers what is no response", async () => {
    const answers: ServeHandler[] = [
      () => Promise.resolve(new Response("late")),
      () => Promise.reject(new Error("late")),
      () => Promise.resolve(undefined as unknown as Response),
      () => ({ then: (_: unknown, fail: (error: unknown) => void) => fail("late") }) as never,
    ];
    for (const answer of answers) {
      const gate = Promise.withResolvers<void>();
      using subject = new Subject({}, { maxRequests: 1 }, async (request, info) => {
        await gate.promise;
        return await answer(request, info);
      });
      const { connection } = subject.connect();
      connection.receive(request());
      connection.receive(abort());
      assertEquals(subject.service.application.requestsInFlight, 1);
      gate.resolve();
      await subject.nothingCounts();
      connection.closed();
      assertEquals(subject.service.application.requestsInFlight, 0);
      assertEquals(await subject.ask() === 503, false);
    }
  });

  it("counts while onError hears of an answer that broke off", async () => {
    let heard = 0;
    const gate = Promise.withResolvers<void>();
    using subject = new Subject(
      {
        onError: () => {
          heard++;
          return gate.promise;
        },
      },
      undefined,
      () => {
        let parts = 0;
        return new Response(
          new ReadableStream({
            async pull(controller) {
              if (parts++ === 0) return controller.enqueue(new Uint8Array(1));
              await new Promise((resolve) => setTimeout(resolve));
              controller.error(new Error("Broke off"));
            },
          }, { highWaterMark: 0 }),
        );
      },
    );
    for (let asked = 1; asked <= LIMIT; asked++) {
      const { connection } = subject.connect();
      connection.receive(request());
      await waitUntil(() => heard === asked, { what: `onError of request ${asked}` });
      connection.closed(new Error("ECONNRESET"));
    }
    assertEquals(await subject.ask(), 503);
    gate.resolve();
    await subject.nothingCounts();
    assertEquals(heard, LIMIT);
  });

  it("counts while onError makes its answer", async () => {
    const gate = Promise.withResolvers<void>();
    let called = 0;
    using subject = new Subject(
      {
        onError: async () => {
          called++;
          await gate.promise;
        },
      },
      { maxRequests: 2 },
      () => Promise.reject(new Error("reason")),
    );
    for (let i = 0; i < 5; i++) {
      const { connection } = subject.connect();
      connection.receive(request());
      await waitUntil(() => called === Math.min(i + 1, 2));
      connection.closed();
    }
    assertEquals([called, subject.service.application.requestsInFlight], [2, 2]);
    gate.resolve();
    await subject.nothingCounts();
  });
});
