import { assertEquals, assertRejects } from "../../_assert.ts";
import { describe, it } from "../../_harness.ts";
import { watchEnd } from "../../../src/cli/dev/watch_end.ts";

describe("the end of a response", () => {
  it("is seen when its body has been read, and not before", async () => {
    const ends: unknown[] = [];
    const response = watchEnd(new Response("text", { status: 201 }), (end) => ends.push(end));
    assertEquals([response.status, ends], [201, []]);
    assertEquals(await response.text(), "text");
    assertEquals(ends, [undefined]);
  });

  it("is seen at once if there is no body", () => {
    const ends: unknown[] = [];
    watchEnd(new Response(null, { status: 204 }), (end) => ends.push(end));
    assertEquals(ends, [undefined]);
  });

  it("is seen when it breaks off, or the client goes", async () => {
    const ends: unknown[] = [];
    const broken = new ReadableStream({ pull: () => Promise.reject(new Error("lost")) });
    const one = watchEnd(new Response(broken), (end) => ends.push(end));
    await assertRejects(() => one.text(), Error, "lost");
    let reason: unknown;
    const endless = new ReadableStream({ cancel: (why) => void (reason = why) });
    await watchEnd(new Response(endless), (end) => ends.push(end)).body!.cancel("gone");
    assertEquals([...ends, reason], ["broken off", "the client has gone", "gone"]);
  });
});
