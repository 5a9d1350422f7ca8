/** Many requests of one connection, with every fate, cut and mixed at random. */
import { assertEquals, assertGreater, assertLess } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { assertBytes, type Bytes, Random } from "../_bytes.ts";
import { rawRecord } from "../_records.ts";
import { waitUntil } from "../_runtime.ts";
import { RecordType } from "../../src/protocol/mod.ts";
import type { ServeHandler } from "../../mod.ts";
import { post } from "./_gates.ts";
import { LongTimers } from "./_long_timers.ts";
import { Peer } from "./_peer.ts";
import { BROKEN, COMPLETE } from "./_reply.ts";
import { abort, openRequest, stdin } from "./_request.ts";

describe("Requests, on one connection", () => {
  for (const seed of [1, 2, 3, 4]) {
    it(`whatever happens to some, the others get their answers, and none holds too much (${seed})`, async () => {
      using _timers = new LongTimers();
      await assertProperty(new Random(seed));
    });
  }
});

/** What becomes of a request of {@link assertProperty}. */
const FATES = ["echo", "slow", "late", "deaf", "cancel", "break", "throw", "abort"] as const;

/** Bytes of a body that may wait, in {@link assertProperty}. */
const LIMIT = 20_000;

/** One request of {@link assertProperty}. */
interface Plan {
  id: number;
  fate: typeof FATES[number];
  content: Bytes;
  /** Records that are still to be sent. */
  records: Bytes[];
  /**
   * Bytes of the body that have been sent, and how many bytes had been sent over the connection by
   * then.
   */
  sent: { content: number; at: number }[];
  /** Bytes of the body that the handler has read. */
  read: number;
  /** Whether the handler is done with the body. */
  isOver: boolean;
}

/**
 * Many requests with every fate, cut and mixed at random; every answer is looked at, and what each
 * body holds.
 */
async function assertProperty(random: Random): Promise<void> {
  const plans: Plan[] = Array.from({ length: 24 }, (_, i) => {
    const [id, fate] = [2 * i + 1, FATES[i % FATES.length]];
    const content = random.bytes(random.below(80_000));
    return {
      ...{ id, fate, content, sent: [], read: 0, isOver: false },
      records: [openRequest(post(`/${i}`, { id })), ...cutBody(id, content, random)],
    };
  });
  /** Handlers that wait: those of aborted requests, too. */
  let waiting = 0;
  const turns = async (most: number) => {
    waiting++;
    for (let i = random.below(most); i > 0; i--) await new Promise((done) => setTimeout(done, 0));
    waiting--;
  };
  const handler: ServeHandler = async (request) => {
    const plan = plans[Number(new URL(request.url).pathname.slice(1))];
    if (plan.fate === "late") await turns(40);
    if (plan.fate === "deaf" || plan.fate === "throw" || plan.fate === "cancel") {
      await turns(10);
      plan.isOver = true;
      if (plan.fate === "throw") throw new Error("thrown");
      if (plan.fate === "cancel") await request.body?.cancel();
      return new Response(plan.fate);
    }
    if (request.body === null) return new Response();
    const reader = request.body.getReader();
    return new Response(
      new ReadableStream({
        async pull(controller) {
          if (plan.fate === "slow" || plan.fate === "abort") await turns(4);
          const { done, value } = await reader.read();
          if (done) return controller.close();
          plan.read += value.length;
          if (plan.fate === "break" && plan.read > plan.content.length / 2) {
            plan.isOver = true;
            return controller.error(new Error("broken"));
          }
          controller.enqueue(value);
        },
        cancel() {
          plan.isOver = true;
          return reader.cancel();
        },
      }, { highWaterMark: 0 }),
    );
  };
  await using peer = new Peer(handler, { maxBufferedBodyBytes: LIMIT });
  const replies = plans.map(({ id }) => peer.reply(id));
  let mostHeld = 0;
  /**
   * Fails if a body has taken more than its limit, the record that reached it, and what came in the
   * same chunk.
   */
  const checkHeld = () => {
    for (const { id, fate, sent, read, isOver } of plans) {
      if (isOver || fate === "abort") continue;
      const taken = sent.findLast(({ at }) => at <= peer.toServer.bytesRead)?.content ?? 0;
      mostHeld = Math.max(mostHeld, taken - read);
      assertLess(taken - read, LIMIT + MOST_AT_ONCE, `Held of request ${id}, which is ${fate}`);
    }
    return false;
  };
  let failure: unknown;
  void peer.toServer.until(checkHeld).catch((error) => failure = error);
  let left = plans.filter(({ records }) => records.length > 0);
  let written = 0;
  while (left.length > 0) {
    const chunk: Bytes[] = [];
    const contents = new Map<Plan, number>();
    for (let size = 0; size < MOST_AT_ONCE / 2 && left.length > 0;) {
      const plan = random.pick(left);
      const next = plan.records.shift()!;
      chunk.push(next);
      size += next.length;
      contents.set(plan, (contents.get(plan) ?? plan.sent.at(-1)?.content ?? 0) + contentOf(next));
      if (plan.fate === "abort" && plan.records.length < 3) {
        chunk.push(abort(plan.id));
        plan.records = [];
      }
      left = left.filter(({ records }) => records.length > 0);
      if (random.below(8) === 0) break;
    }
    written += chunk.reduce((length, part) => length + part.length, 0);
    for (const [plan, content] of contents) plan.sent.push({ content, at: written });
    await peer.send(...chunk);
  }
  const answers = await Promise.all(replies);
  answers.forEach((answer, i) => {
    const { fate, content } = plans[i];
    // What breaks before its head is a whole 500, and nothing can break in an empty body.
    const isBroken = fate === "break" && answer.status === 200 && content.length > 0;
    assertEquals(answer.end, isBroken ? BROKEN : COMPLETE, fate);
    if (fate === "echo" || fate === "slow" || fate === "late") {
      assertBytes(answer.body, content, fate);
    } else if (fate === "deaf" || fate === "cancel") assertEquals(answer.text, fate);
    else if (fate === "throw") assertEquals(answer.status, 500);
  });
  if (failure !== undefined) throw failure;
  // The bound has been reached, or this would show nothing.
  assertGreater(mostHeld, LIMIT / 2);
  assertEquals((await peer.ask(post("/0"))).end, COMPLETE);
  const heard = peer.takeErrors().map(String);
  assertEquals(heard.filter((text) => !/broken|thrown/.test(text)), []);
  await waitUntil(() => waiting === 0, { what: "handlers that wait for nobody" });
}

/** The most content that one chunk brings, in {@link assertProperty}. */
const MOST_AT_ONCE = 24_000;

/** A body in STDIN records of any size with any padding, and its end. */
function cutBody(id: number, content: Bytes, random: Random): Bytes[] {
  const records: Bytes[] = [];
  for (let start = 0; start < content.length;) {
    const end = start + 1 + random.below(random.pick([10, 1000, 12_000]));
    records.push(rawRecord({
      ...{ type: RecordType.STDIN, id, padding: random.below(256) },
      content: content.subarray(start, end),
    }));
    start = end;
  }
  return [...records, stdin("", id)];
}

/** How much of a body is in a record. */
function contentOf(encoded: Bytes): number {
  return encoded[1] === RecordType.STDIN ? encoded[4] * 256 + encoded[5] : 0;
}
