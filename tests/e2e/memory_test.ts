/**
 * What 50 MB cost a server that a slow peer takes them from, or gives them to: directly on its
 * socket.
 */
import { encodeStream, RecordType } from "../../src/protocol/mod.ts";
import { assertEquals, assertLess } from "../_assert.ts";
import { afterEach, beforeEach, describe, it } from "../_harness.ts";
import { type Program, spawnScript } from "../_runtime.ts";
import { join, RawPeer, request, requestHead } from "../runtime/_raw_peer.ts";
import { Hash, hashOf, LARGE, part, PART_BYTES } from "./_content.ts";
import { heldBack, peakGrowth, skipMemory, warmUp } from "./_process.ts";

const MEGABYTE = 1024 * 1024;
const LIMIT = 24 * MEGABYTE;
const EXPECTED = hashOf(LARGE);
/** Small requests that a test of leaks makes, and how many of them are on the way together. */
const MANY = 20_000;
const TOGETHER = 50;

let app: Program;
let lastId = 0;

describe("memory of the server", { skip: skipMemory, timeout: 60_000 }, () => {
  beforeEach(async () => {
    app = await spawnScript(new URL("./apps/everything.ts", import.meta.url), ["port=0"]);
  });
  afterEach(() => app?.[Symbol.asyncDispose]());

  it("grows by less than 24 MB with 50 MB down to a slow peer", async () => {
    const level = await warmUp(app.pid, () => download("at once"));
    assertLess(await peakGrowth(app.pid, level, LIMIT, () => download("slowly")), LIMIT);
  });

  it("grows by less than 24 MB with 50 MB up to a handler that reads late", async () => {
    const level = await warmUp(app.pid, () => upload("at once"));
    assertLess(await peakGrowth(app.pid, level, LIMIT, () => upload("slowly")), LIMIT);
  });

  it(`grows by less than 24 MB with ${MANY} small requests`, async () => {
    const level = await warmUp(app.pid, () => small(MANY));
    assertLess(await peakGrowth(app.pid, level, LIMIT, () => small(MANY)), LIMIT);
  });
});

/** Small requests with a body and a signal that is looked at. */
async function small(count: number): Promise<void> {
  await using peer = await connect();
  const ids = Array.from({ length: TOGETHER }, (_, index) => index + 1);
  const body = new Uint8Array(100);
  const bytes = join(
    ...ids.map((id) => request({ id, method: "POST", uri: "/small", body })),
  );
  for (let sent = 0; sent < count; sent += TOGETHER) {
    peer.send(bytes);
    for (const id of ids) assertEquals((await peer.reply(id)).text, "100 false\n");
  }
}

async function connect(): Promise<RawPeer> {
  const [, port] = await app.waitForLine("stderr", /on 127\.0\.0\.1:(\d+)$/);
  return await RawPeer.connect({ transport: "tcp", hostname: "127.0.0.1", port: Number(port) });
}

async function download(pace: "at once" | "slowly"): Promise<void> {
  const id = `down${++lastId}`;
  await using peer = await connect();
  await using other = await connect();
  const hash = new Hash();
  let isHead = true;
  let next = MEGABYTE;
  let answered: Promise<void> | undefined;
  peer.onStdout = (content) => {
    // The header block is whole, in the first record.
    hash.add(isHead ? content.subarray(endOfHead(content)) : content);
    isHead = false;
    if (pace === "at once" || hash.bytes < next) return;
    next += MEGABYTE;
    peer.pause();
    answered = other.fetch({ uri: "/status/200" }).then(() => peer.resume());
  };
  if (pace === "slowly") peer.pause();
  const reply = peer.fetch({ uri: `/download/${id}?bytes=${LARGE}` });
  if (pace === "slowly") {
    const made = await heldBack(async () => {
      return Number((await other.fetch({ uri: `/progress/${id}` })).text);
    });
    assertLess(made, LARGE / 2);
    peer.resume();
  }
  await reply;
  await answered;
  assertEquals(hash.toString(), EXPECTED);
}

async function upload(pace: "at once" | "slowly"): Promise<void> {
  const id = `up${++lastId}`;
  await using peer = await connect();
  await using other = await connect();
  peer.send(requestHead({
    method: "POST",
    uri: `/hash/${id}${pace === "slowly" ? "?hold" : ""}`,
    params: { CONTENT_LENGTH: String(LARGE), CONTENT_TYPE: "application/octet-stream" },
  }));
  let sent = 0;
  const sending = (async () => {
    for (let index = 0; index < LARGE / PART_BYTES; index++) {
      // Without the empty record that ends the stream.
      await peer.sendSlowly(encodeStream(RecordType.STDIN, 1, part(index)).subarray(0, -8));
      sent += PART_BYTES;
    }
    peer.send(encodeStream(RecordType.STDIN, 1, new Uint8Array(0)));
  })();
  if (pace === "slowly") {
    await other.fetch({ uri: `/wait/${id}/started` });
    const held = await heldBack(async () => {
      await other.fetch({ uri: "/status/200" });
      return sent;
    });
    assertLess(held, LARGE / 2);
    await other.fetch({ uri: `/mark/${id}/go` });
  }
  await sending;
  assertEquals((await peer.reply()).text, EXPECTED);
}

function endOfHead(content: Uint8Array): number {
  for (let i = 0; i + 3 < content.length; i++) {
    const isEnd = content[i] === 13 && content[i + 1] === 10 && content[i + 2] === 13;
    if (isEnd && content[i + 3] === 10) return i + 4;
  }
  throw new Error("No whole header block in the first record");
}
