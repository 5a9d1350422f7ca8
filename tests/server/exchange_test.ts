/** One request as its handler has it: `request.signal`, the headers and the URL. */
import { assert, assertEquals } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { bytes, utf8AsLatin1 } from "../_bytes.ts";
import { ask, Peer } from "./_peer.ts";
import { abort, request } from "./_request.ts";

describe("Exchange", () => {
  describe("request.signal", () => {
    it("is not aborted by an answer", async () => {
      const signals: AbortSignal[] = [];
      await using peer = new Peer((request) => {
        signals.push(request.signal);
        return new Response();
      });
      await peer.ask();
      await peer.ask();
      peer.hangUp();
      await peer.served;
      assertEquals(signals.map(({ aborted }) => aborted), [false, false]);
      assert(signals[0] !== signals[1]);
    });

    it("is the same one each time", async () => {
      const reply = await ask((request) => {
        const { signal } = request;
        return new Response(`${signal === request.signal}`);
      });
      assertEquals(reply.text, "true");
    });

    it("is aborted in clones and in requests made of it", async () => {
      const made = Promise.withResolvers<AbortSignal[]>();
      await using peer = new Peer((request) => {
        made.resolve([
          request.clone().signal,
          new Request("http://example.org/", request).signal,
        ]);
        return new Promise(() => {});
      });
      void peer.send(request());
      const signals = await made.promise;
      void peer.send(abort());
      await peer.reply();
      assertEquals(signals.map(({ aborted }) => aborted), [true, true]);
    });
  });

  describe("the request", () => {
    it("has headers byte for byte as the client sent them", async () => {
      const values = [utf8AsLatin1("Zürich € 日本"), "caf\xe9 \x80\x9f\xff"];
      const reply = await ask((request) => {
        const [utf, latin] = ["x-utf", "x-latin"].map((name) => request.headers.get(name)!);
        return new Response(
          new TextDecoder().decode(bytes(utf)),
          { headers: { "x-utf": utf, "x-latin": latin } },
        );
      }, { params: { HTTP_X_UTF: values[0], HTTP_X_LATIN: values[1] } });
      assertEquals([reply.header("x-utf"), reply.header("x-latin")], values);
      assertEquals(reply.text, utf8AsLatin1("Zürich € 日本"));
    });

    it("keeps its headers when one of them cannot be", async () => {
      const reply = await ask((request) => new Response(request.headers.get("x-good")), {
        params: { HTTP_: "empty", "HTTP_X BAD": "1", HTTP_X_NUL: "a\0b", HTTP_X_GOOD: "good" },
      });
      assertEquals([reply.status, reply.text], [200, "good"]);
    });

    it("has a name of 1000 bytes, and a value and a URL longer than a record", async () => {
      const name = "X_" + "N".repeat(998);
      const REQUEST_URI = "/" + "u".repeat(70_000);
      const reply = await ask(
        (request) =>
          new Response(`${request.url} ${request.headers.get(name.replaceAll("_", "-"))}`),
        { params: { REQUEST_URI, [`HTTP_${name}`]: "v".repeat(100_000) } },
      );
      assertEquals(reply.text, `http://example.org${REQUEST_URI} ${"v".repeat(100_000)}`);
    });
  });
});
