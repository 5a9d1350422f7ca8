/**
 * The doors that src/ uses where a runtime leaves them open. Everything has to work without them,
 * too: `tests/run.ts` runs a part of the suite with all of them closed.
 */
import { createRequest } from "../src/cgi/request.ts";
import { CgiParams } from "../src/cgi/params.ts";
import { streamBinding } from "../src/runtime/listen/stream_handle.ts";
import { takeWholeBody } from "../src/runtime/whole_body.ts";
import { assert, assertEquals, assertRejects } from "./_assert.ts";
import { describe, it } from "./_harness.ts";
import { isPlain } from "./_plain.ts";
import { runtime, runtimeVersion } from "./_runtime.ts";
import { runScript } from "./runtime/_script.ts";

/** The versions whose doors are known: those that the suite fetches. */
const KNOWN = { deno: "2.9.", bun: "1.4.", node: "24." };

const TEXT = "text ".repeat(20);
const BYTES = new TextEncoder().encode(TEXT);
const WIDE = "\u00e9\u20ac".repeat(50);

const streamOfText = () =>
  new ReadableStream({
    start(controller) {
      controller.enqueue(BYTES);
      controller.close();
    },
  });

/** What is taken of a body, as text. */
function taken(response: Response): string | undefined {
  const whole = takeWholeBody(response);
  assert(!(whole instanceof Promise));
  return whole instanceof Uint8Array ? new TextDecoder().decode(whole) : whole;
}

describe("doors", () => {
  it("are open where they are known to be, unless the tests close them", {
    skip: !runtimeVersion.startsWith(KNOWN[runtime]) &&
      `Known of ${runtime} ${KNOWN[runtime]}; closed ones cost speed, no more`,
  }, () => {
    assertEquals(streamBinding !== undefined, runtime !== "bun" && !isPlain());
    assertEquals(taken(new Response(TEXT)) !== undefined, runtime !== "node" && !isPlain());
  });
});

it("no door makes Node warn of a deprecation, or end for one", {
  skip: runtime !== "node" && "Only Node has these options",
}, async () => {
  await using script = await runScript(
    `const server = serve({ port: 0 }, () => new Response());
    await server.ready;
    await server.shutdown();`,
    [],
    { env: { NODE_OPTIONS: "--pending-deprecation --throw-deprecation" } },
  );
  const { exit, stderr } = script.program;
  assertEquals(await exit, { code: 0, signal: null }, stderr.text);
  assert(!stderr.text.includes("Deprecation"), stderr.text);
});

describe("takeWholeBody", () => {
  const isOpen = takeWholeBody(new Response(TEXT)) !== undefined;
  const headers = { "content-type": "text/html", "x-long": "x".repeat(5000) };
  const inits: Record<string, ResponseInit | undefined> = {
    "no init": undefined,
    "headers": { headers },
    "a Headers object": { headers: new Headers(headers) },
    "a status": { status: 404, headers },
  };

  for (const [name, init] of Object.entries(inits)) {
    it(`takes a text and bytes of a response with ${name}, once`, () => {
      for (const [body, text] of [[TEXT, TEXT], [BYTES, TEXT], [WIDE, WIDE]] as const) {
        const response = new Response(body, init);
        const all = taken(response);
        if (!isOpen) return assertEquals([all, response.bodyUsed], [undefined, false]);
        assertEquals([all, response.bodyUsed], [text, true]);
      }
    });

    it(`leaves a stream, a Blob and null alone in a response with ${name}`, async () => {
      for (const body of [streamOfText(), new Blob([TEXT]), null]) {
        const response = new Response(body, init);
        assertEquals([taken(response), response.bodyUsed], [undefined, false]);
        assertEquals(await response.text(), body === null ? "" : TEXT);
      }
    });
  }

  it("leaves a stream alone that has properties of its own, or had them", async () => {
    const response = new Response(streamOfText());
    const fields = response as unknown as Record<string, number>;
    for (let i = 0; i < 20; i++) fields[`field${i}`] = i;
    assertEquals(taken(response), undefined);
    for (let i = 0; i < 20; i++) delete fields[`field${i}`];
    assertEquals(taken(response), undefined);
    assertEquals(await response.text(), TEXT);
  });

  it("leaves a stream alone whose response has a status text", () => {
    const init = { statusText: "x".repeat(200) };
    assertEquals(taken(new Response(streamOfText(), init)), undefined);
  });

  it("leaves a response alone that has been given another body, or none that can be read", () => {
    const bodies: PropertyDescriptor[] = [{ value: streamOfText() }, {
      get() {
        throw new Error("No body");
      },
    }];
    for (const body of bodies) {
      const response = Object.defineProperty(new Response("another"), "body", body);
      assertEquals([taken(response), response.bodyUsed], [undefined, false]);
    }
  });

  it("leaves a subclass alone", () => {
    class Own extends Response {}
    assertEquals(taken(new Own(TEXT)), undefined);
  });

  it("leaves the body of a clone to be read", async () => {
    const response = new Response(TEXT);
    const clone = response.clone();
    taken(response);
    assertEquals(await clone.text(), TEXT);
  });

  it("makes a body unreadable, as any reader does", async () => {
    const response = new Response(TEXT);
    if (taken(response) === undefined) await response.text();
    await assertRejects(() => response.text(), TypeError);
  });
});

describe("headers of a request", () => {
  it("are in every copy of it", () => {
    const params = new CgiParams();
    const pairs = {
      REQUEST_METHOD: "GET",
      REQUEST_URI: "/",
      HTTP_X_A: "1",
      HTTP_X_TRIMMED: " \t2 ",
      HTTP_X_EMPTY: "",
      HTTP_X_BYTES: "\x80\xff",
    };
    for (const [name, value] of Object.entries(pairs)) params.append(name, value);
    params.append("HTTP_X_A", "3");
    const request = createRequest(params, null);
    assert(request instanceof Request);
    const expected = [["x-a", "1, 3"], ["x-bytes", "\x80\xff"], ["x-empty", ""], [
      "x-trimmed",
      "2",
    ]];
    for (const copy of [new Request(request), request.clone(), request]) {
      assertEquals([...copy.headers], expected);
    }
    request.headers.append("x-a", "4");
    request.headers.delete("x-empty");
    assertEquals([request.headers.get("x-a"), request.headers.has("x-empty")], ["1, 3, 4", false]);
  });
});
