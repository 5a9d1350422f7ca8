/**
 * Who may connect over TCP: the list by itself, the option, and the environment variable of the
 * specification.
 */
import { writeFile } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { serve, type ServeAddress, type ServeOptions } from "../../mod.ts";
import { WebServerAddrs } from "../../src/runtime/listen/web_server_addrs.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { freePort, runtime, tempDir } from "../_runtime.ts";
import { RawPeer, request } from "./_raw_peer.ts";
import { runScript } from "./_script.ts";
import { asBySystemd, listening, skipListening } from "./_starters.ts";

const hasIpv6 = Object.values(networkInterfaces()).flat()
  .some((address) => address?.address === "::1");
const skipIpv6 = !hasIpv6 && "No ::1 on this machine";

/** 10.0.0.1, as systems and people write it. */
const MAPPED = [
  ...["10.0.0.1", "::ffff:10.0.0.1", "::FFFF:10.0.0.1", "::ffff:a00:1", "::FFFF:A00:1"],
  ...["0:0:0:0:0:ffff:10.0.0.1", "0:0:0:0:0:FFFF:a00:1", "::ffff:0a00:0001", "::ffff:a00:1%eth0"],
];

describe("WebServerAddrs", () => {
  const lists: [entries: string[], inside: string[], outside: string[]][] = [
    [["10.0.0.1"], ["10.0.0.1", "::ffff:10.0.0.1", "::FFFF:10.0.0.1"], ["10.0.0.2", "::1"]],
    [["::ffff:10.0.0.1"], ["10.0.0.1", "::ffff:10.0.0.1"], ["10.0.0.2"]],
    [[" 10.0.0.1", "10.0.0.3\t"], ["10.0.0.1", "10.0.0.3"], ["10.0.0.2"]],
    [["10.0.0.1/32"], ["10.0.0.1"], ["10.0.0.0", "10.0.0.2"]],
    [
      ["172.16.0.0/12"],
      ["172.16.0.0", "172.31.255.255", "::ffff:172.20.0.1"],
      ["172.15.255.255", "172.32.0.0"],
    ],
    // The bits behind the prefix do not count.
    [["172.20.1.1/12"], ["172.16.0.0", "172.31.255.255"], ["172.32.0.0"]],
    [["::ffff:10.0.0.0/104"], ["10.255.255.255"], ["11.0.0.0"]],
    // Every spelling of an IPv4 address in IPv6, in the list and of a peer.
    ...["::ffff:a00:1", "0:0:0:0:0:ffff:10.0.0.1", "::FFFF:0A00:0001", "0000::FFFF:10.0.0.1/128"]
      .map((entry): [string[], string[], string[]] => [[entry], MAPPED, [
        ...["10.0.0.2", "::ffff:a00:2", "::a00:1", "::ffff:0:a00:1", "::fffe:a00:1"],
      ]]),
    [["10.0.0.0/31"], [...MAPPED, "::ffff:a00:0"], ["::ffff:a00:2", "0:0:0:0:0:ffff:10.0.0.2"]],
    [["::ffff:a00:0/104"], [...MAPPED, "10.255.255.255"], ["11.0.0.0", "::ffff:b00:0"]],
    [["::FFFF:0:0/96"], [...MAPPED, "192.0.2.1"], ["::1", "::a00:1"]],
    [["::/0"], ["::a00:1", "::fffe:a00:1"], MAPPED],
    [["0.0.0.0/0"], ["192.0.2.1", "::ffff:192.0.2.1"], ["::1", "2001:db8::1"]],
    [["::/0"], ["::1", "2001:db8::1"], ["192.0.2.1", "::ffff:192.0.2.1"]],
    [["2001:DB8::A"], ["2001:db8:0:0:0:0:0:a"], ["2001:db8::b"]],
    [["2001:db8::2/127"], ["2001:db8::2", "2001:db8::3"], ["2001:db8::1", "2001:db8::4"]],
    [["fe80::/10"], ["fe80::1", "fe80::1%eth0", "febf::1"], ["fec0::1", "10.0.0.1"]],
    [["127.0.0.1", "::1"], ["127.0.0.1", "::1"], ["127.0.0.2", "::2"]],
    [[], [], ["127.0.0.1", "::1"]],
  ];
  for (const [entries, inside, outside] of lists) {
    it(`has of "${entries}" ${inside.join(", ") || "nothing"}`, () => {
      const list = new WebServerAddrs(entries);
      for (const address of inside) assert(list.has(address), address);
      for (const address of [...outside, "", "example.org", "10.0.0", "10.0.0.1:80"]) {
        assert(!list.has(address), address);
      }
    });
  }

  const wrong = [
    ...["", " ", "example.org", "localhost", "10.0.0", "10.0.0.256", "10.0.0.1:80", "10.0.0.*"],
    ...["10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8/8", "10.0.0.0/1e1", "10.0.0.0/0x8"],
    ...["10.0.0.0/255.0.0.0", "10.0.0.0/ 8", "10.0.0.1 10.0.0.2", "10.0.0.1,10.0.0.2"],
    ...[
      "[::1]",
      "::1/129",
      "::1/1000",
      "::ffff:10.0.0.0/8",
      "::ffff:a00:0/95",
      "fe80::1%eth0",
      "::g",
      "/8",
    ],
  ];
  for (const entry of wrong) {
    it(`refuses ${JSON.stringify(entry)} as an entry`, () => {
      const error = assertThrows(() => new WebServerAddrs(["127.0.0.1", entry]), TypeError);
      assertEquals(
        error.message,
        `Cannot read the list of web servers: "${entry}" is neither an IP address nor a subnet such as 10.0.0.0/8`,
      );
    });
  }
});

/** What a peer gets: the text of the answer, or how the connection ended without one. */
async function ask(address: ServeAddress): Promise<string> {
  try {
    await using peer = await RawPeer.connect(address);
    peer.send(request({ keep: false }));
    const ending = await peer.closing();
    return peer.received > 0 ? (await peer.reply()).text : ending;
  } catch (error) {
    // A reset that came before the connection was looked at.
    return (error as { code?: string }).code === "ECONNRESET" ? "reset" : Promise.reject(error);
  }
}

describe("webServerAddrs", () => {
  const places: [hostname: string, skip: string | false, entries: string[], isIn: boolean][] = [
    ["127.0.0.1", false, ["127.0.0.1"], true],
    ["127.0.0.1", false, ["::1", "127.0.0.0/8"], true],
    ["127.0.0.1", false, ["10.0.0.1", "192.168.0.0/16", "::1"], false],
    ["127.0.0.1", false, [], false],
    ["::1", skipIpv6, ["::1"], true],
    ["::1", skipIpv6, ["127.0.0.1", "2001:db8::/32"], false],
  ];
  for (const [hostname, skip, entries, isIn] of places) {
    const verb = isIn ? "lets in" : "turns away";
    it(`of "${entries}" ${verb} a peer from ${hostname}`, { skip }, async () => {
      const errors: unknown[] = [];
      let calls = 0;
      await using server = serve({
        hostname,
        port: 0,
        webServerAddrs: entries,
        onListen() {},
        onError: (error) => void errors.push(error),
      }, () => new Response(`Answer ${++calls}`));
      const address = await server.ready;
      const answers = [await ask(address), await ask(address)];
      if (isIn) {
        assertEquals(answers, ["Answer 1", "Answer 2"]);
        assertEquals(errors, []);
        return;
      }
      for (const answer of answers) assert(["end", "reset"].includes(answer), answer);
      assertEquals(calls, 0);
      // Once, or else whoever is turned away could fill the log.
      assertEquals(errors.map((error) => (error as Error).message), [
        `Refused a connection: ${hostname} is not one of the web servers`,
      ]);
    });
  }

  it("lets in an IPv4 peer of a socket for both families", { skip: skipIpv6 }, async () => {
    await using server = serve({
      hostname: "::",
      port: 0,
      webServerAddrs: ["127.0.0.1"],
      onListen() {},
      onError() {},
    }, () => new Response("Hello\n"));
    const { port } = await server.ready as { port: number };
    const answers = await Promise.all(
      ["127.0.0.1", "::1"].map((hostname) => ask({ transport: "tcp", hostname, port })),
    );
    assertEquals(answers[0], "Hello\n");
    assertNotEquals(answers[1], "Hello\n");
  });

  for (const kind of ["port", "inherited socket"] as const) {
    it(`turns away a peer of a TCP ${kind} that has reset, without a word`, {
      skip: kind === "inherited socket" && skipListening,
    }, async () => {
      await using directory = await tempDir();
      const go = join(directory.path, "go");
      const port = await freePort();
      const options = `{ webServerAddrs: ["10.0.0.1"], onListen() {} }`;
      await using app = await runScript(
        `import { existsSync } from "node:fs";
        import process from "node:process";
        const [, , go, port] = process.argv;
        const own = ${kind === "port" ? "{ port: Number(port) }" : "{}"};
        const server = serve({ ...own, ...${options} }, (request) => {
          console.log("called for " + request.url);
          return new Response();
        });
        await server.ready;
        console.log("ready");
        // Nobody is accepted before they have reset.
        while (!existsSync(go));`,
        [go, String(port)],
        {
          denoPermissions: ["-A"],
          ...kind === "port" ? {} : { starter: listening({ port }) },
        },
      );
      await app.program.waitForLine("stdout", /^ready$/);
      const address = { transport: "tcp", hostname: "127.0.0.1", port } as const;
      const peers = await Promise.all(
        Array.from({ length: 50 }, () => RawPeer.connect(address)),
      );
      for (const peer of peers) await peer.sendSlowly(request({ keep: false }));
      for (const peer of peers) peer.reset();
      // Behind them all; this one is told of.
      await using last = await RawPeer.connect(address);
      last.send(request({ keep: false }));
      await writeFile(go, "");
      await last.closing();
      app.program.kill();
      assertEquals(await app.program.exit, { code: 0, signal: null }, app.program.stderr.text);
      assertEquals(app.program.stdout.text, "ready\n");
      const told = app.program.stderr.text.match(/Refused a connection: [\d.]+ is not one.*/g);
      assertEquals(told, ["Refused a connection: 127.0.0.1 is not one of the web servers"]);
    });
  }

  it("does not concern Unix sockets", async () => {
    await using directory = await tempDir();
    const path = join(directory.path, "fcgi.sock");
    const options = { path, webServerAddrs: ["10.0.0.1"], onListen() {} };
    await using server = serve(options, () => new Response("Hello\n"));
    assertEquals(await ask(await server.ready), "Hello\n");
  });

  it("with an entry that is no address keeps the server from starting", async () => {
    for (const place of [{ port: 0 }, { path: "/nowhere/fcgi.sock" }] satisfies ServeOptions[]) {
      const options = { ...place, webServerAddrs: ["127.0.0.1", "localhost"], onListen() {} };
      const server = serve(options, () => new Response());
      const error = await assertRejects(() => server.ready, TypeError);
      assertStringIncludes(error.message, `"localhost" is neither an IP address nor a subnet`);
      await server.finished;
    }
  });
});

const HELLO = `serve({ port: 0, ...options }, () => new Response("Hello\\n"));`;
const NAME = "FCGI_WEB_SERVER_ADDRS";

describe(NAME, () => {
  const denoPermissions = ["--allow-net", `--allow-env=${NAME}`];
  const start = (value: string, options = "{}", permissions = denoPermissions) =>
    runScript(`const options = ${options};\n${HELLO}`, [], {
      env: { [NAME]: value },
      denoPermissions: permissions,
    });

  it("says who may connect, with commas in between", async () => {
    for (
      const [value, isIn] of [["10.0.0.1, 127.0.0.1", true], ["10.0.0.1,::1", false]] as const
    ) {
      await using app = await start(value);
      const answer = await ask(await app.address());
      assertEquals(answer === "Hello\n", isIn, answer);
      const line = /Refused a connection: 127\.0\.0\.1 is not one of the web servers/;
      if (!isIn) await app.program.waitForLine("stderr", line);
    }
  });

  it("gives way to the option", async () => {
    await using app = await start("10.0.0.1", `{ webServerAddrs: ["127.0.0.1"] }`);
    assertEquals(await ask(await app.address()), "Hello\n");
  });

  it("with an entry that is no address ends the program with a message", async () => {
    await using app = await start("127.0.0.1,localhost");
    const { code } = await app.program.exit;
    assertNotEquals(code, 0);
    assertStringIncludes(
      app.program.stderr.text,
      `Cannot read the list of web servers: "localhost" is neither an IP address nor a subnet`,
    );
  });

  it("with bytes that are no text ends the program with a message", async () => {
    const source = `const options = {};\n${HELLO}`;
    await using app = await runScript(source, [], {
      starter: ["/bin/sh", "-c", `${NAME}="$(printf '127.0.0.1,\\377')" exec "$0" "$@"`],
      denoPermissions,
    });
    assertNotEquals((await app.program.exit).code, 0);
    assertStringIncludes(app.program.stderr.text, "Cannot read the list of web servers: ");
  });

  const skip = runtime !== "deno" && "Only Deno has permissions";

  it("counts as absent on loopback where Deno may not read it", { skip }, async () => {
    for (const options of ["{}", `{ hostname: "localhost" }`, `{ hostname: "127.0.0.2" }`]) {
      await using app = await start("10.0.0.1", options, ["--allow-net", "--deny-env"]);
      assertEquals(await ask(await app.address()), "Hello\n");
    }
  });

  /** What is said of an address that others reach, where nobody knows who may. */
  const refusal = (address: RegExp) =>
    new RegExp(
      `Cannot listen on ${address.source}: other machines reach it, ` +
        "and who may connect is not known\\. " +
        `Run deno with --allow-env=${NAME}, or give webServerAddrs$`,
      "m",
    );

  for (const flag of ["--deny-env", "--ignore-env", "--allow-env=HOME"]) {
    it(`keeps the server off an address that others reach, with ${flag}`, { skip }, async () => {
      await using app = await start("10.0.0.1", `{ hostname: "0.0.0.0" }`, ["--allow-net", flag]);
      assertNotEquals((await app.program.exit).code, 0);
      assertMatch(app.program.stderr.text, refusal(/0\.0\.0\.0:\d+/));
      assert(!app.program.stderr.text.includes("Serving FastCGI on"), app.program.stderr.text);
    });
  }

  it("does not keep it off with permission, or with the option", { skip }, async () => {
    for (
      const [options, flag] of [
        [`{ hostname: "0.0.0.0" }`, `--allow-env=${NAME}`],
        [`{ hostname: "0.0.0.0", webServerAddrs: ["127.0.0.1"] }`, "--deny-env"],
      ] as const
    ) {
      const value = "127.0.0.1";
      await using app = await start(value, options, ["--allow-net", flag]);
      const { port } = await app.address();
      const address = { transport: "tcp", hostname: "127.0.0.1", port } as const;
      assertEquals(await ask(address), "Hello\n");
    }
  });

  it("keeps the server off an inherited socket that others reach", {
    skip: skip || skipListening,
  }, async () => {
    const port = await freePort();
    const [command, ...words] = listening({ port });
    const starter = [command!, ...words.map((word) => word === "127.0.0.1" ? "0.0.0.0" : word)];
    await using app = await runScript(`serve(() => new Response("Hello\\n"));`, [], { starter });
    assertNotEquals((await app.program.exit).code, 0);
    assertMatch(app.program.stderr.text, refusal(new RegExp(`0\\.0\\.0\\.0:${port}`)));
  });

  it("holds for inherited sockets, too", { skip: skipListening }, async () => {
    for (const starter of [listening, asBySystemd]) {
      const port = await freePort();
      await using app = await runScript(`serve(() => new Response("Hello\\n"));`, [], {
        starter: starter({ port }),
        env: { [NAME]: "10.0.0.1" },
        denoPermissions: ["--allow-net", `--allow-env=${NAME},LISTEN_FDS,LISTEN_PID`],
      });
      await app.program.waitForLine("stderr", /^Serving FastCGI on 127\.0\.0\.1:\d+ \(descriptor /);
      const address = { transport: "tcp", hostname: "127.0.0.1", port } as const;
      assertNotEquals(await ask(address), "Hello\n");
    }
  });
});
