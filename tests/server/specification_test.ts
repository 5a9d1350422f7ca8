/**
 * The message flows of FastCGI 1.0, appendix B, as the specification writes them down, byte for
 * byte.
 */
import { assertEquals } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { bytes, latin1 } from "../_bytes.ts";
import { rawRecord } from "../_records.ts";
import { RecordType } from "../../src/protocol/mod.ts";
import { ManualBody } from "./_manual_body.ts";
import { Peer } from "./_peer.ts";

const { BEGIN_REQUEST, END_REQUEST, PARAMS, STDIN, STDOUT, STDERR } = RecordType;

/** A record as the appendix shows it: type, request id, content. */
const send = (type: number, id: number, content: Uint8Array | string) =>
  rawRecord({ type, id, content });

/** `{FCGI_RESPONDER, 0}` and `{FCGI_RESPONDER, FCGI_KEEP_CONN}`. */
const [RESPONDER, RESPONDER_KEEP] = [0, 1].map((flags) => bytes([0, 1, flags, 0, 0, 0, 0, 0]));

/** The parameters of the appendix, and behind them those that stand in its "...". */
const NAMES = "\x0b\x02SERVER_PORT80\x0b\x0eSERVER_ADDR199.170.183.42";
const MORE = "\x0e\x03REQUEST_METHODGET\x0b\x02REQUEST_URI/x";
const POST = "\x0e\x04REQUEST_METHODPOST\x0b\x02REQUEST_URI/x";

const HTML = "<html>\n<head> ... ";

describe("FastCGI 1.0, appendix B", () => {
  it("1: a simple request with no data on stdin", async () => {
    await using peer = new Peer((_, { params }) => {
      assertEquals([params.get("SERVER_PORT"), params.get("SERVER_ADDR")], [
        "80",
        "199.170.183.42",
      ]);
      return new Response(HTML, { headers: { "content-type": "text/html" } });
    });
    void peer.send(send(BEGIN_REQUEST, 1, RESPONDER));
    void peer.send(send(PARAMS, 1, NAMES + MORE), send(PARAMS, 1, ""), send(STDIN, 1, ""));
    assertEquals(shown(await peer.rest()), [
      [
        STDOUT,
        1,
        `Content-Type: text/html\r\nContent-Length: ${HTML.length}\r\nStatus: 200 OK\r\n\r\n${HTML}`,
      ],
      [STDOUT, 1, ""],
      [END_REQUEST, 1, "\0\0\0\0\0\0\0\0"],
    ]);
  });

  it("2: with data on stdin, and a pair that two PARAMS records share", async () => {
    await using peer = new Peer(async (request, { params }) => {
      assertEquals(params.get("SERVER_ADDR"), "199.170.183.42");
      return new Response(await request.text());
    });
    void peer.send(send(BEGIN_REQUEST, 1, RESPONDER));
    void peer.send(send(PARAMS, 1, NAMES.slice(0, 20)));
    void peer.send(send(PARAMS, 1, NAMES.slice(20) + POST), send(PARAMS, 1, ""));
    void peer.send(send(STDIN, 1, "quantity=100&item=3047936"), send(STDIN, 1, ""));
    assertEquals((await peer.reply()).text, "quantity=100&item=3047936");
    assertEquals(await peer.rest(), []);
  });

  it("3: a message for the log in the middle of the page", async () => {
    const body = new ManualBody();
    let log = (_: string) => {};
    await using peer = new Peer((_, info) => {
      log = info.log;
      return new Response(body.stream, { headers: { "content-type": "text/html" } });
    });
    void peer.send(send(BEGIN_REQUEST, 1, RESPONDER));
    void peer.send(send(PARAMS, 1, NAMES + MORE), send(PARAMS, 1, ""), send(STDIN, 1, ""));
    body.push("<ht");
    const first = [await peer.nextOf()];
    log("config error: missing SI_UID");
    const second = [await peer.nextOf()];
    body.push("ml>\n<head> ... ");
    body.close();
    assertEquals(shown([...first, ...second, ...await peer.rest()]), [
      [STDOUT, 1, "Content-Type: text/html\r\nStatus: 200 OK\r\n\r\n<ht"],
      [STDERR, 1, "config error: missing SI_UID\n"],
      [STDOUT, 1, "ml>\n<head> ... "],
      [STDOUT, 1, ""],
      [STDERR, 1, ""],
      [END_REQUEST, 1, "\0\0\0\0\0\0\0\0"],
    ]);
  });

  it("4: two requests on one connection, the second answered first", async () => {
    const bodies = [new ManualBody(), new ManualBody()];
    let calls = 0;
    await using peer = new Peer(() => new Response(bodies[calls++].stream));
    void peer.send(send(BEGIN_REQUEST, 1, RESPONDER_KEEP));
    void peer.send(send(PARAMS, 1, NAMES + MORE), send(PARAMS, 1, ""));
    void peer.send(send(BEGIN_REQUEST, 2, RESPONDER_KEEP), send(PARAMS, 2, NAMES + MORE));
    void peer.send(send(STDIN, 1, ""));
    bodies[0].push("<html>");
    const begun = shown([await peer.nextOf(1)]);
    void peer.send(send(PARAMS, 2, ""), send(STDIN, 2, ""));
    bodies[1].push("<html>");
    begun.push(...shown([await peer.nextOf(2)]));
    bodies[1].push(" two");
    bodies[1].close();
    const second = shown((await peer.reply(2)).records);
    bodies[0].push(" one");
    bodies[0].close();
    const first = shown((await peer.reply(1)).records);
    const head = "Status: 200 OK\r\n\r\n<html>";
    assertEquals(begun, [[STDOUT, 1, head], [STDOUT, 2, head]]);
    assertEquals([contentOf(second), contentOf(first)], [" two", " one"]);
    for (const [id, records] of [[1, first], [2, second]] as const) {
      assertEquals(records.slice(-2), [
        [STDOUT, id, ""],
        [END_REQUEST, id, "\0\0\0\0\0\0\0\0"],
      ]);
    }
  });
});

/** Records as the appendix shows them. */
function shown(
  records: { type: number; id: number; content: Uint8Array }[],
): [type: number, id: number, content: string][] {
  return records.map(({ type, id, content }) => [type, id, latin1(content)]);
}

/** The content of STDOUT. */
function contentOf(records: [type: number, id: number, content: string][]): string {
  return records.filter(([type]) => type === STDOUT).map(([, , content]) => content).join("");
}
