/**
 * WebSockets, which FastCGI has not: what a handler sees of one, and the second `location` that
 * helps, as `examples/frameworks/` has it.
 */
import { join } from "node:path";
import { assertEquals } from "../_assert.ts";
import { afterAll, beforeAll, describe, it } from "../_harness.ts";
import { type Program, runtime, spawnScript, waitUntil } from "../_runtime.ts";
import { Nginx } from "../load/_nginx.ts";
import { copyApp, skipFrameworks } from "./_frameworks.ts";
import { http, HttpConnection, type HttpRequest } from "./_http_client.ts";
import { startRecipe } from "./_recipes.ts";
import { CONFIGURATION, PORT } from "./_sites.ts";

/** As a browser asks for one. */
const UPGRADE: HttpRequest = {
  headers: [
    ["Connection", "Upgrade"],
    ["Upgrade", "websocket"],
    ["Sec-WebSocket-Version", "13"],
    ["Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="],
  ],
};

describe("WebSockets beside FastCGI", { skip: skipFrameworks, timeout: 60_000 }, () => {
  let nginx: Nginx;
  let program: Program;
  beforeAll(async () => {
    nginx = await Nginx.start(CONFIGURATION);
    program = await startRecipe(`websocket.${runtime}.ts`, nginx.directory);
    const isListening = async () => (await http(PORT, { target: "/ws" })).status !== 502;
    await waitUntil(isListening, { what: "the second port" });
  });
  afterAll(async () => {
    await program?.[Symbol.asyncDispose]();
    await nginx?.[Symbol.asyncDispose]();
  });

  it("echo through the second location, and know the client's address", async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${PORT}/ws`);
    const first = await Promise.race([happens(socket, "open"), happens(socket, "error")]);
    assertEquals(first.type, "open");
    const answers: unknown[] = [];
    for (const text of ["one", "twö"]) {
      const answer = happens<MessageEvent>(socket, "message");
      socket.send(text);
      answers.push((await answer).data);
    }
    assertEquals(answers, ["one, 127.0.0.1", "twö, 127.0.0.1"]);
    const closed = happens(socket, "close");
    socket.close();
    await closed;
    const page = await http(PORT, { target: "/" });
    assertEquals([page.status, page.text], [200, "Hello\n"]);
  });

  it("are 101 there, and 426 without Upgrade", async () => {
    await using connection = await HttpConnection.open(PORT);
    await connection.send({ target: "/ws", ...UPGRADE });
    assertEquals((await connection.head()).status, 101);
    assertEquals((await http(PORT, { target: "/ws" })).status, 426);
  });

  it("are a plain page over FastCGI", async () => {
    const answer = await http(PORT, { target: "/", ...UPGRADE });
    assertEquals([answer.status, answer.text], [200, "Hello\n"]);
    const socket = new WebSocket(`ws://127.0.0.1:${PORT}/`);
    socket.addEventListener("open", () => socket.close());
    const first = await Promise.race([happens(socket, "open"), happens(socket, "error")]);
    assertEquals(first.type, "error");
  });
});

describe("a WebSocket over FastCGI", { skip: skipFrameworks, timeout: 60_000 }, () => {
  let nginx: Nginx;
  let program: Program;
  beforeAll(async () => {
    nginx = await Nginx.start(CONFIGURATION);
    const socket = join(nginx.directory, "fcgi.sock");
    const denoPermissions = [
      "--allow-net",
      `--allow-read=${nginx.directory}`,
      `--allow-write=${nginx.directory}`,
    ];
    program = await spawnScript(await copyApp("upgrade"), [socket], { denoPermissions });
    await program.waitForLine("stderr", /^Serving FastCGI on /);
  });
  afterAll(async () => {
    await program?.[Symbol.asyncDispose]();
    await nginx?.[Symbol.asyncDispose]();
  });

  it("is a GET without Upgrade and Connection, which are parameters alone", async () => {
    const { status, text } = await http(PORT, { target: "/", ...UPGRADE });
    assertEquals([status, JSON.parse(text)], [200, {
      method: "GET",
      upgrade: null,
      connection: null,
      version: "13",
      param: "websocket",
    }]);
  });

  it("is a 500 if the handler says 101", async () => {
    assertEquals((await http(PORT, { target: "/101", ...UPGRADE })).status, 500);
    assertEquals((await http(PORT, { target: "/" })).status, 200);
  });
});

function happens<E extends Event>(target: EventTarget, type: string): Promise<E> {
  return new Promise((resolve) =>
    target.addEventListener(type, (event) => resolve(event as E), { once: true })
  );
}
