/**
 * Whatever an application sends, in whatever pieces: the client tells of the same header block,
 * body, log and end as the reference reading, or fails with a `FastCgiError`; a reply that is not
 * whole never looks as if it were, and whoever waits for one is told, with no timer and no open
 * stream left behind.
 *
 * @module
 */
import { FastCgiError } from "../../mod.ts";
import { StreamClient } from "../../src/client/mod.ts";
import type { ResponseHead } from "../../src/client/header_block.ts";
import { ReplyDecoder } from "../../src/client/reply_decoder.ts";
import { concat, type Random } from "../_bytes.ts";
import { assertEquals, fail } from "../_assert.ts";
import { checkSame } from "./_decoder.ts";
import type { Target } from "./_fuzz.ts";
import { type Meaning, meaningOf, randomReply } from "./_replies.ts";
import { cut } from "./_streams.ts";
import { HeldTimers, turn } from "./_watch.ts";

/** Turns of the event loop after which what has not happened will not. */
const PATIENCE = 200;

/** What a case is about, first; then the chunks. */
type ClientStep = "decoder" | "client" | "kept client" | "HEAD" | Uint8Array;

/** The reply decoder, and the client on it. */
export const clientTarget: Target<ClientStep> = {
  name: "client",
  invariant:
    "Whatever an application sends, in whatever pieces: the client tells of the same header block, body, log and end as " +
    "the reference reading, or fails with a FastCgiError; a reply that is not whole never looks as if it were, and whoever " +
    "waits for one is told, with no timer and no open stream left behind",
  generate(random) {
    return [kind(random), ...cut(randomReply(random), random)];
  },
  run(steps) {
    const chunks = steps.filter((step) => step instanceof Uint8Array);
    const meaning = meaningOf(concat(chunks));
    const [first] = steps;
    if (typeof first !== "string" || first === "decoder") return checkDecoder(chunks, meaning);
    return checkClient(first, chunks, meaning);
  },
};

function kind(random: Random): ClientStep {
  return random.pick(["decoder", "decoder", "decoder", "client", "client", "kept client", "HEAD"]);
}

function checkDecoder(chunks: readonly Uint8Array[], expected: Meaning): void {
  const content: Uint8Array[] = [];
  const stderr: Uint8Array[] = [];
  let head: ResponseHead | undefined;
  let end: number | undefined;
  const decoder = new ReplyDecoder(1, {
    onHead: (told) => void (head = told),
    onContent: (part) => {
      if (head === undefined || part.length === 0) fail("Content that is none");
      content.push(part);
    },
    onStderr: (part) => void stderr.push(part),
    onEnd: ({ protocolStatus }) => void (end = protocolStatus),
  });
  let isBroken = false;
  try {
    for (const chunk of chunks) decoder.receive(chunk);
  } catch (error) {
    if (!(error instanceof FastCgiError) || error.fault !== "peer") throw error;
    isBroken = true;
  }
  assertEquals([isBroken, end], [expected.isBroken, expected.end]);
  checkHead(head, expected);
  checkSame(concat(content), expected.content, "Content");
  checkSame(concat(stderr), expected.stderr, "Log");
  if (!isBroken && end === undefined) assertEquals(decoder.isStdoutEnded, expected.stdoutEnded);
}

function checkHead(
  actual: { status: number; statusText: string; headers: Headers } | undefined,
  { head }: Meaning,
): void {
  if (actual === undefined || head === undefined) {
    return assertEquals([actual, head], [undefined, undefined]);
  }
  assertEquals([actual.status, actual.statusText], [head.status, head.statusText]);
  // The runtimes' `Headers` differ in how they list and join; copied once, as a `Response` does.
  const expected = new Headers();
  for (const [name, value] of head.fields) expected.append(name, value);
  assertEquals([...new Headers(actual.headers)], [...new Headers(expected)]);
}

async function checkClient(
  kind: string,
  chunks: readonly Uint8Array[],
  expected: Meaning,
): Promise<void> {
  using timers = new HeldTimers();
  const lines: string[] = [];
  let isOpen = true;
  let at = 0;
  const readable = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (at < chunks.length) return controller.enqueue(chunks[at++].slice());
      isOpen = false;
      controller.close();
    },
    cancel: () => void (isOpen = false),
  }, { highWaterMark: 0 });
  await using client = new StreamClient({
    connect: () => Promise.resolve({ readable, writable: new WritableStream() }),
    keepConnection: kind === "kept client",
    onStderr: (line) => void lines.push(line),
  });
  const method = kind === "HEAD" ? "HEAD" : "GET";
  const outcome = outcomeOf(client.fetch(new Request("http://h/", { method })));
  let told: Awaited<typeof outcome> | undefined;
  void outcome.then((outcome) => void (told = outcome));
  for (let turns = 0; told === undefined; turns++) {
    if (turns > PATIENCE) fail("Nobody is told of anything");
    await turn();
  }
  // A length that is none does not matter where there is no body.
  const isHeadless = expected.head === undefined ||
    !(isNullBody(expected, method) || hasGoodLength(expected));
  if ("error" in told && told.response === undefined) {
    if (!(told.error instanceof FastCgiError)) throw told.error;
    if (!isHeadless) fail(`Failed in spite of its header block: ${told.error}`);
  } else {
    if (isHeadless) fail("A response without a header block");
    const { response } = told;
    checkHead(response, expected);
    checkBody(told, expected, method);
  }
  client.close();
  for (let turns = 0; isOpen || timers.size > 0; turns++) {
    if (turns > PATIENCE) fail(isOpen ? "The connection is left open" : "A timer is left");
    await turn();
  }
}

type Outcome = { response: Response; body: Uint8Array } | { response?: Response; error: unknown };

async function outcomeOf(fetched: Promise<Response>): Promise<Outcome> {
  let response: Response | undefined;
  try {
    response = await fetched;
    return { response, body: new Uint8Array(await response.arrayBuffer()) };
  } catch (error) {
    return { response, error };
  }
}

function lengthOf({ head }: Meaning): string | undefined {
  const lengths = head!.fields.filter(([name]) => name === "content-length");
  return lengths.length === 0 ? undefined : lengths.map(([, value]) => value).join(", ");
}

function isNullBody({ head }: Meaning, method: string): boolean {
  return method === "HEAD" || [204, 205, 304].includes(head!.status);
}

function hasGoodLength(meaning: Meaning): boolean {
  const length = lengthOf(meaning);
  return length === undefined || /^\d+$/.test(length);
}

function checkBody(told: Outcome, expected: Meaning, method: string): void {
  const { content, end, stdoutEnded } = expected;
  if (isNullBody(expected, method)) {
    if (!("body" in told) || told.body.length > 0) fail("A body where there is none");
    return;
  }
  const length = lengthOf(expected);
  const isWhole = (end === undefined ? stdoutEnded && !expected.isBroken : end === 0) &&
    (length === undefined || Number(length) <= content.length);
  if (!("body" in told)) {
    if (!(told.error instanceof FastCgiError)) throw told.error;
    if (isWhole) fail(`A whole reply failed: ${told.error}`);
  } else {
    if (!isWhole) fail("A reply that is not whole looks as if it were");
    // What is more than its length is left out, as by nginx.
    const sent = length === undefined ? content : content.subarray(0, Number(length));
    checkSame(told.body, sent, "Body");
  }
}
