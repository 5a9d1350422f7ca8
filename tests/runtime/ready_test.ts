/**
 * How a program ends that cannot listen: by whoever has asked for `ready`, or with one line and
 * exit code 1.
 */
import { createServer } from "node:net";
import { serve } from "../../mod.ts";
import { assertEquals, assertMatch, assertRejects, assertStrictEquals } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { runtime } from "../_runtime.ts";
import { runScript } from "./_script.ts";
import { redirected } from "./_starters.ts";

/** A port that another program listens on. */
async function takenPort(): Promise<{ port: number } & AsyncDisposable> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  return {
    port,
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/** Runs a program with `taken`, a port that cannot be had, to its end. */
async function end(source: string, starter: string[] = []) {
  await using taken = await takenPort();
  const script = `
    import process from "node:process";
    const taken = ${taken.port};
    const handler = () => new Response();
    ${source}`;
  await using run = await runScript(script, [], { starter });
  const exit = await run.program.exit;
  const { stdout, stderr } = run.program;
  return { exit, stdout: stdout.text, stderr: stderr.text, port: taken.port };
}

const FAILED = { code: 1, signal: null };
const ENDED = { code: 0, signal: null };

describe("a program that cannot listen", { timeout: 20_000 }, () => {
  const unobserved: [name: string, source: string][] = [
    ["does nothing about it", `serve({ port: taken }, handler);`],
    [
      "waits for its end",
      `await serve({ port: taken }, handler).finished; console.log("finished"); process.exit(0);`,
    ],
    [
      "disposes of the server",
      `const server = serve({ port: taken }, handler);
       await server[Symbol.asyncDispose](); console.log("disposed"); process.exit(0);`,
    ],
    [
      "shuts it down at once",
      `await serve({ port: taken }, handler).shutdown();
       console.log("shut down");
       process.exit(0);`,
    ],
    [
      "shuts it down with a signal that has aborted",
      `serve({ port: taken, signal: AbortSignal.abort() }, handler);`,
    ],
    [
      "is to be ended by something else",
      `serve({ port: taken }, handler); setInterval(() => {}, 1e6);`,
    ],
    [
      "looks at other properties",
      `const server = serve({ port: taken }, handler); server.addr; server.ref();`,
    ],
  ];
  for (const [name, source] of unobserved) {
    it(`and ${name} says so in one line, and ends with 1`, async () => {
      const { exit, stdout, stderr, port } = await end(source);
      assertEquals(exit, FAILED);
      assertEquals(
        stderr,
        `Cannot listen on 127.0.0.1:${port}: EADDRINUSE. Another program is listening there; ` +
          `stop it, or choose another port\n`,
      );
      assertEquals(stdout, "");
    });
  }

  const observed: [name: string, source: string][] = [
    [
      "awaits ready",
      `const server = serve({ port: taken }, handler);
       try { await server.ready; } catch (error) { console.log("taken", error.message); }
       await server.finished;`,
    ],
    [
      "awaits ready a moment later",
      `const server = serve({ port: taken }, handler);
       await Promise.resolve();
       try { await server.ready; } catch (error) { console.log("taken", error.message); }
       await server.finished;`,
    ],
    [
      "has given ready a handler",
      `const server = serve({ port: taken }, handler);
       server.ready.then(() => {}, (error) => console.log("taken", error.message));
       await server.shutdown();`,
    ],
  ];
  for (const [name, source] of observed) {
    it(`and ${name} has the reason, and nothing is printed`, async () => {
      const { exit, stdout, stderr } = await end(source);
      assertEquals([exit, stderr], [ENDED, ""]);
      assertMatch(stdout, /^taken Cannot listen on [^\n]+EADDRINUSE[^\n]+\n$/);
    });
  }

  it("and has ready, but does nothing with it, is not silent", async () => {
    const { exit, stderr } = await end(`void serve({ port: taken }, handler).ready;`);
    assertEquals(exit, FAILED);
    assertMatch(stderr, /Cannot listen on .*EADDRINUSE/);
  });

  it("ends with 1 although its line cannot be written", async () => {
    const { exit } = await end(`serve({ port: taken }, handler);`, redirected("2>/dev/full"));
    assertEquals(exit, FAILED);
  });

  it("says where onListen has thrown what", async () => {
    const { exit, stderr } = await end(
      `serve({ port: 0, onListen() { throw new TypeError("of onListen"); } }, handler);`,
    );
    assertEquals(exit, FAILED);
    assertMatch(stderr, /^TypeError: of onListen\n {4}at .*app\.ts/);
  });

  it("ends with 1 of whatever onListen throws", async () => {
    const { exit, stderr } = await end(
      `serve({ port: 0, onListen() { throw Object.create(null); } }, handler);`,
    );
    assertEquals([exit, stderr], [FAILED, "Uncaught Object {}\n"]);
  });
});

describe("a CGI program that Deno does not let read its request", {
  skip: runtime !== "deno" && "the other runtimes have no permissions",
}, () => {
  it("says so in one line, and ends with 1", async () => {
    const names = ["GATEWAY_INTERFACE", "REQUEST_METHOD"];
    await using script = await runScript(`serve(() => new Response("x"));`, [], {
      env: { GATEWAY_INTERFACE: "CGI/1.1", REQUEST_METHOD: "GET" },
      denoPermissions: ["--allow-net", `--allow-env=${names}`],
    });
    assertEquals(await script.program.exit, FAILED);
    assertEquals(
      script.program.stderr.text,
      "Cannot read the environment, which holds the CGI request. Run deno with --allow-env\n",
    );
  });
});

describe("FastCgiServer.ready", () => {
  it("is the same promise each time, and rejects each time", async () => {
    await using taken = await takenPort();
    const server = serve({ port: taken.port }, () => new Response());
    assertStrictEquals(server.ready, server.ready);
    await assertRejects(() => server.ready, Error, "EADDRINUSE");
    await assertRejects(() => server.ready, Error, "EADDRINUSE");
    await server.finished;
  });
});
