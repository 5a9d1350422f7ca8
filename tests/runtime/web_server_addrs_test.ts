/** Who may connect over TCP: the list by itself, the option, and the environment variable of the specification. */
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { serve, type ServeAddress, type ServeOptions } from "../../mod.ts";
import { WebServerAddrs } from "../../src/runtime/web_server_addrs.ts";
import {
  assert,
  assertEquals,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
  describe,
  it,
} from "../_harness.ts";
import { freePort, runtime, tempDir } from "../_runtime.ts";
import { RawPeer, request } from "./_raw_peer.ts";
import { runScript } from "./_script.ts";
import { asBySystemd, listening, skipListening } from "./_starters.ts";

const hasIpv6 = Object.values(networkInterfaces()).flat()
  .some((address) => address?.address === "::1");
const skipIpv6 = !hasIpv6 && "No ::1 on this machine";

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
    ...["[::1]", "::1/129", "::1/1000", "::ffff:10.0.0.0/8", "fe80::1%eth0", "::g", "/8"],
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
      `TypeError: Cannot read the list of web servers: "localhost" is neither an IP address nor a subnet`,
    );
  });

  it("counts as absent where Deno may not read it", {
    skip: runtime !== "deno" && "Only Deno has permissions",
  }, async () => {
    await using app = await start("10.0.0.1", "{}", ["--allow-net", "--deny-env"]);
    assertEquals(await ask(await app.address()), "Hello\n");
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
