/** What SIGTERM, SIGINT, SIGQUIT and SIGUSR1 do to a program that serves. */
import { stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { serve, type ServeAddress } from "../../mod.ts";
import { encodeStream, RecordType } from "../../src/protocol/mod.ts";
import { assertEquals, assertGreaterOrEqual, assertRejects } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import {
  runtime,
  spawnProgram,
  type SpawnScriptOptions,
  tempDir,
  waitUntil,
  which,
} from "../_runtime.ts";
import { RawPeer, requestHead } from "./_raw_peer.ts";
import { runScript, type Script } from "./_script.ts";

const [setsid, timeout] = await Promise.all(["setsid", "timeout"].map(which));

const encoder = new TextEncoder();

const IMPORT = `import { serve } from ${
  JSON.stringify(new URL("../../mod.ts", import.meta.url))
};\n`;

/** Answers with the body, so a request lasts until the test has sent the end of it. */
const APP = `import process from "node:process";
process.on("exit", (code) => console.log("exits with " + code));
const handler = async (request, info) => {
  const { pathname } = new URL(request.url);
  console.log("began " + pathname);
  const body = await request.text();
  if (pathname === "/later") info.waitUntil(later());
  return new Response(body);
};
async function later() {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setTimeout(resolve, 5));
  console.log("work is done");
}
`;

const start = (source: string, options: SpawnScriptOptions = {}) => {
  return runScript(APP + source, [], options);
};
/** For a socket or another file. */
const withFiles = { denoPermissions: ["--allow-net", "--allow-read", "--allow-write"] };

/** A request that the handler has begun to answer and that {@link Slow.finish} ends. */
interface Slow extends AsyncDisposable {
  /** Sends the rest of it, and resolves with the answer. */
  finish(): Promise<string>;
  closing(): Promise<string>;
}

async function slowRequest(
  app: Pick<Script, "program">,
  address: ServeAddress,
  uri: string,
): Promise<Slow> {
  const peer = await RawPeer.connect(address);
  peer.send(requestHead({ method: "POST", uri }));
  await app.program.waitForLine("stdout", new RegExp(`^began ${uri}$`));
  return {
    async finish() {
      peer.send(encodeStream(RecordType.STDIN, 1, encoder.encode(`all of ${uri}`)));
      return (await peer.reply()).text;
    },
    closing: () => peer.closing(),
    [Symbol.asyncDispose]: () => peer[Symbol.asyncDispose](),
  };
}

/** A kept connection that has been used, and is idle. */
async function idleConnection(address: ServeAddress): Promise<RawPeer> {
  const peer = await RawPeer.connect(address);
  assertEquals((await peer.fetch({ method: "POST", body: encoder.encode("idle") })).text, "idle");
  return peer;
}

const gone = { code: 0, signal: null };

/** What runs a file, and what runs a task that does, on this runtime. */
const RUN = { deno: ["run", "-A"], bun: ["run"], node: [] }[runtime];
const TASK = {
  deno: [process.execPath, "task", "app"],
  bun: [process.execPath, "run", "app"],
  node: undefined,
}[runtime];
const whyNoTimeout = timeout === null && "timeout is not installed";

/** A directory with the application and a task that runs it. */
async function writeProject(directory: string): Promise<void> {
  const write = (name: string, text: string) => writeFile(join(directory, name), text);
  const app = [process.execPath, ...RUN, "app.ts"].join(" ");
  await write("app.ts", `${IMPORT}${APP}serve({ port: 0 }, handler);`);
  await write("deno.json", JSON.stringify({ tasks: { app } }));
  await write("package.json", JSON.stringify({ type: "module", scripts: { app } }));
}

const SIGNALS = ["SIGTERM", "SIGINT", "SIGQUIT", "SIGUSR1"] as const;

describe("termination", () => {
  for (const signal of SIGNALS) {
    it(`${signal} lets what is in flight be answered, takes nothing new, closes what is idle, exits with 0`, async () => {
      await using app = await start(`serve({ port: 0 }, handler);`);
      const address = await app.address();
      await using slow = await slowRequest(app, address, "/slow");
      await using idle = await idleConnection(address);
      app.program.kill(signal);
      assertEquals(await idle.closing(), "end");
      await assertRejects(() => RawPeer.connect(address), Error, "ECONNREFUSED");
      assertEquals(await slow.finish(), "all of /slow");
      assertEquals(await slow.closing(), "end");
      await idle[Symbol.asyncDispose]();
      await slow[Symbol.asyncDispose]();
      assertEquals(await app.program.exit, gone, app.program.stderr.text);
      assertEquals(app.program.stdout.lines.at(-1), "exits with 0");
      // Node starts its debugger at SIGUSR1, unless somebody listens.
      assertEquals(app.program.stderr.lines.length, 1, app.program.stderr.text);
    });

    it(`${signal} without anything to do ends the program, whatever else keeps it running`, async () => {
      await using app = await start(`serve({ port: 0 }, handler); setInterval(() => {}, 1000);`);
      await app.address();
      app.program.kill(signal);
      assertEquals(await app.program.exit, gone, app.program.stderr.text);
    });

    it(`${signal} removes the socket file`, async () => {
      await using directory = await tempDir();
      const path = join(directory.path, "fcgi.sock");
      await using app = await start(
        `serve({ path: ${JSON.stringify(path)} }, handler);`,
        withFiles,
      );
      await app.program.waitForLine("stderr", /^Serving FastCGI on /);
      await stat(path);
      app.program.kill(signal);
      assertEquals(await app.program.exit, gone, app.program.stderr.text);
      await assertRejects(() => stat(path), Error, "ENOENT");
    });
  }

  it("waits for what was given to waitUntil", async () => {
    await using app = await start(`serve({ port: 0 }, handler);`);
    await using slow = await slowRequest(app, await app.address(), "/later");
    app.program.kill("SIGTERM");
    assertEquals(await slow.finish(), "all of /later");
    await slow[Symbol.asyncDispose]();
    assertEquals(await app.program.exit, gone, app.program.stderr.text);
    assertEquals(app.program.stdout.lines.slice(-2), ["work is done", "exits with 0"]);
  });

  for (
    const [signal, code] of [["SIGTERM", 143], ["SIGINT", 130], ["SIGQUIT", 131]] as const
  ) {
    it(`ends at once at another ${signal} a second later, with 128 + its number`, async () => {
      await using app = await start(`serve({ port: 0 }, handler);`);
      await using slow = await slowRequest(app, await app.address(), "/slow");
      const begin = performance.now();
      const again = setInterval(() => app.program.kill(signal), 50);
      try {
        app.program.kill(signal);
        assertEquals(await app.program.exit, { code, signal: null });
      } finally {
        clearInterval(again);
      }
      assertGreaterOrEqual(performance.now() - begin, 1_000);
      await slow.closing();
    });
  }

  it("takes different signals within a moment for one", async () => {
    await using app = await start(`serve({ port: 0 }, handler);`);
    const address = await app.address();
    await using slow = await slowRequest(app, address, "/slow");
    await using idle = await idleConnection(address);
    for (const signal of SIGNALS) app.program.kill(signal);
    await idle.closing();
    for (const signal of SIGNALS) app.program.kill(signal);
    assertEquals(await slow.finish(), "all of /slow");
    await idle[Symbol.asyncDispose]();
    await slow[Symbol.asyncDispose]();
    assertEquals(await app.program.exit, gone, app.program.stderr.text);
  });

  it("takes what it hears late, having been busy, for what was sent in a moment", async () => {
    await using directory = await tempDir();
    const file = join(directory.path, "free");
    await using app = await start(
      `serve({ port: 0 }, handler);
      const { existsSync } = await import("node:fs");
      process.once("SIGTERM", () => {
        console.log("busy");
        const start = performance.now();
        while (!existsSync(${JSON.stringify(file)}) || performance.now() - start < 1200);
      });`,
      withFiles,
    );
    await using slow = await slowRequest(app, await app.address(), "/slow");
    app.program.kill("SIGTERM");
    await app.program.waitForLine("stdout", /^busy$/);
    app.program.kill("SIGTERM");
    await writeFile(file, "");
    assertEquals(await slow.finish(), "all of /slow");
    await slow[Symbol.asyncDispose]();
    assertEquals(await app.program.exit, gone, app.program.stderr.text);
  });

  describe("of a whole group", { skip: setsid === null && "setsid is not installed" }, () => {
    const direct = [process.execPath, ...RUN, "app.ts"];
    const starters = [
      { name: "timeout", command: ["timeout", "60", ...direct], skip: whyNoTimeout },
      {
        name: "the runtime's task runner",
        command: TASK ?? direct,
        skip: TASK === undefined &&
          "Node has none, and npm ends without waiting for the program",
      },
    ];
    for (const { name, command, skip } of starters) {
      for (const signal of ["SIGTERM", "SIGINT", "SIGQUIT"] as const) {
        it(
          `${signal} lets what is in flight be answered if ${name} hands it on`,
          { skip },
          async () => {
            await using directory = await tempDir();
            await writeProject(directory.path);
            await using program = await spawnProgram(setsid!, command, {
              cwd: directory.path,
              env: { NO_COLOR: "1", FORCE_COLOR: undefined },
            });
            const [, port] = await program.waitForLine("stderr", /on 127\.0\.0\.1:(\d+)$/);
            const address = {
              transport: "tcp",
              hostname: "127.0.0.1",
              port: Number(port),
            } as const;
            await using slow = await slowRequest({ program }, address, "/slow");
            await using idle = await idleConnection(address);
            process.kill(-program.pid, signal);
            // The first has been heard, and so has the other: nothing comes behind that.
            await idle.closing();
            assertEquals(await slow.finish(), "all of /slow", program.stderr.text);
            await idle[Symbol.asyncDispose]();
            await slow[Symbol.asyncDispose]();
            assertEquals(await program.exit, gone, program.stderr.text);
            assertEquals(program.stdout.lines.at(-1), "exits with 0");
          },
        );
      }
    }
  });

  it("does not take another SIGUSR1 for more than the first", async () => {
    await using app = await start(`serve({ port: 0 }, handler);`);
    const address = await app.address();
    await using slow = await slowRequest(app, address, "/slow");
    await using idle = await idleConnection(address);
    app.program.kill("SIGUSR1");
    await idle.closing();
    app.program.kill("SIGUSR1");
    assertEquals(await slow.finish(), "all of /slow");
    await idle[Symbol.asyncDispose]();
    await slow[Symbol.asyncDispose]();
    assertEquals(await app.program.exit, gone, app.program.stderr.text);
  });

  it("drains all servers of the process", async () => {
    await using app = await start(`
      const servers = [serve({ port: 0, onListen() {} }, handler), serve({ port: 0, onListen() {} }, handler)];
      for (const server of servers) console.log("port " + (await server.ready).port);`);
    const isStarted = () =>
      app.program.stdout.lines.filter((line) => line.startsWith("port ")).length;
    await waitUntil(() => isStarted() === 2, { what: "both servers" });
    const [first, second] = app.program.stdout.lines.map((line) => line.match(/^port (\d+)$/))
      .filter((match) => match !== null)
      .map(([, port]): ServeAddress => ({
        transport: "tcp",
        hostname: "127.0.0.1",
        port: Number(port),
      }));
    await using one = await slowRequest(app, first!, "/one");
    await using two = await slowRequest(app, second!, "/two");
    app.program.kill("SIGTERM");
    for (const address of [first!, second!]) {
      await waitUntil(async () => {
        const peer = await RawPeer.connect(address).catch(() => null);
        await peer?.[Symbol.asyncDispose]();
        return peer === null;
      }, { what: "the listening socket to be closed" });
    }
    assertEquals(await two.finish(), "all of /two");
    await two[Symbol.asyncDispose]();
    assertEquals(await one.finish(), "all of /one");
    await one[Symbol.asyncDispose]();
    assertEquals(await app.program.exit, gone, app.program.stderr.text);
  });

  it("lets the program's own listeners run", async () => {
    await using app = await start(`
      process.on("SIGTERM", () => console.log("own listener"));
      serve({ port: 0 }, handler);`);
    await app.address();
    app.program.kill("SIGTERM");
    assertEquals(await app.program.exit, gone, app.program.stderr.text);
    assertEquals(app.program.stdout.lines, ["own listener", "exits with 0"]);
  });

  it("is left to the system with handleSignals: false", async () => {
    await using app = await start(`serve({ port: 0, handleSignals: false }, handler);`);
    await app.address();
    app.program.kill("SIGTERM");
    assertEquals(await app.program.exit, { code: null, signal: "SIGTERM" });
    assertEquals(app.program.stdout.text, "");
  });

  it("is left to the system again after a shutdown by hand", async () => {
    await using app = await start(`
      const server = serve({ port: 0 }, handler);
      await server.ready;
      await server.shutdown();
      setInterval(() => {}, 1000);
      console.log("shut down");`);
    await app.program.waitForLine("stdout", /^shut down$/);
    app.program.kill("SIGTERM");
    assertEquals(await app.program.exit, { code: null, signal: "SIGTERM" });
  });

  it("listens to the signals while a server runs, and only then", async () => {
    const count = () => SIGNALS.map((signal) => process.listenerCount(signal));
    const before = count();
    const more = before.map((listeners) => listeners + 1);
    const options = { port: 0, onListen() {} };
    const first = serve(options, () => new Response());
    assertEquals(count(), more);
    const second = serve(options, () => new Response());
    assertEquals(count(), more);
    const third = serve({ ...options, handleSignals: false }, () => new Response());
    await Promise.all([first.ready, second.ready, third.ready]);
    await first.shutdown();
    assertEquals(count(), more);
    await second.shutdown();
    assertEquals(count(), before);
    await third.shutdown();
    assertEquals(count(), before);
  });

  it("listens to no signal for a server that could not listen", async () => {
    const before = process.listenerCount("SIGTERM");
    const server = serve({ hostname: "192.0.2.1", port: 0, onListen() {} }, () => new Response());
    await assertRejects(() => server.ready, Error, "Cannot listen on ");
    await server.finished;
    assertEquals(process.listenerCount("SIGTERM"), before);
  });
});
