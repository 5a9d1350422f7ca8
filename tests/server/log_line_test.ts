import { assert, assertEquals, assertLess, assertStringIncludes } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { latin1 } from "../_bytes.ts";
import { parseRecords } from "../_records.ts";
import { RecordType } from "../../src/protocol/mod.ts";
import { captureConsoleError } from "../_console.ts";
import { ManualBody } from "./_manual_body.ts";
import { Peer } from "./_peer.ts";
import { at, request } from "./_request.ts";

/** What FCGI_STDERR gets of these messages. */
async function logged(...messages: string[]): Promise<string> {
  await using peer = new Peer((_, { log }) => {
    for (const message of messages) log(message);
    return new Response("body");
  });
  const reply = await peer.ask();
  assertEquals(reply.text, "body");
  return reply.stderr;
}

describe("log line", () => {
  it("is the message and one line feed", async () => {
    assertEquals(await logged("message"), "message\n");
  });

  it("is UTF-8", async () => {
    assertEquals(await logged("Grüße € 日本 😀"), "Grüße € 日本 😀\n");
  });

  it("is one line, whatever a client has put into it", async () => {
    const forged = "a\nb\r\nc\rd\0e\x1b[31mf\x7fg\x0bh";
    const line = await logged(forged);
    assertEquals(line.split("\n").length, 2);
    // deno-lint-ignore no-control-regex
    assertEquals(/[\x00-\x09\x0b-\x1f\x7f]/.test(line), false);
    assertEquals(line.replaceAll(/\[31m| /g, ""), "abcdefgh\n");
  });

  it("comes in the order of the calls", async () => {
    assertEquals(await logged("one", "two", "three"), "one\ntwo\nthree\n");
  });

  it("has an end", async () => {
    const line = await logged("x".repeat(1_000_000));
    assertLess(line.length, 10_000);
    assert(line.startsWith("xxxxxxxx"));
  });

  it("goes out with the answer, behind the header block and before the end", async () => {
    await using peer = new Peer((_, { log }) => {
      log("early");
      return new Response("body");
    });
    const { types } = await peer.ask();
    const { STDOUT, STDERR, END_REQUEST } = RecordType;
    assertEquals(types, [STDOUT, STDERR, STDOUT, STDERR, END_REQUEST]);
    assertEquals(peer.writes.length, 1);
  });

  it("waits for the header block", async () => {
    const gate = Promise.withResolvers<void>();
    await using peer = new Peer(async (_, { log }) => {
      log("early");
      await gate.promise;
      return new Response("body");
    });
    void peer.send(request());
    await peer.fence();
    const records = parseRecords(peer.writes[0]);
    assertEquals(records.map(({ type }) => type), [RecordType.GET_VALUES_RESULT]);
    gate.resolve();
    assertEquals((await peer.reply()).types[0], RecordType.STDOUT);
  });

  it("goes out at once while the response is on its way", async () => {
    const body = new ManualBody();
    let log = (_: string) => {};
    await using peer = new Peer((_, info) => {
      log = info.log;
      return new Response(body.stream);
    });
    void peer.send(request());
    await peer.nextOf();
    log("midway");
    const { type, content } = await peer.nextOf();
    assertEquals([type, latin1(content)], [RecordType.STDERR, "midway\n"]);
    body.close();
    assertEquals((await peer.reply()).types, [6, 7, 3]);
  });

  it("closes STDERR only where there was one", async () => {
    await using peer = new Peer(() => new Response("body"));
    assertEquals((await peer.ask()).types, [6, 6, 3]);
  });

  it("after the end goes to console.error, not to the next request", async () => {
    const printed = await captureConsoleError(async () => {
      let log = (_: string) => {};
      await using peer = new Peer((_, info) => {
        log = info.log;
        return new Response();
      });
      await peer.ask();
      log("too late");
      assertEquals((await peer.ask()).stderr, "");
    });
    assertStringIncludes(String(printed), "too late");
  });

  it("goes to the log of its own request", async () => {
    await using peer = new Peer((request, { log }) => {
      log(request.url);
      return new Response();
    });
    const ids = [1, 2, 3];
    void peer.send(...ids.map((id) => request(at(`/${id}`, { id }))));
    for (const id of ids) {
      assertEquals((await peer.reply(id)).stderr, `http://example.org/${id}\n`);
    }
  });

  it("of a failure names the error and where it happened, in one line", async () => {
    await using peer = new Peer(() => {
      throw new TypeError("Not\na function");
    });
    const { stderr } = await peer.ask();
    assertStringIncludes(stderr, "TypeError: Not a function");
    assertStringIncludes(stderr, "log_line_test.ts");
    assertEquals(stderr.indexOf("\n"), stderr.length - 1);
    peer.takeErrors();
  });
});
