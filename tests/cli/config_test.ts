/** `fcgi config`: what it prints, and what it refuses; tests/e2e/config_test.ts has the servers. */
import { writeFileSync } from "node:fs";
import { access } from "node:fs/promises";
import { join } from "node:path";
import { check } from "../../src/cli/config/check.ts";
import { POOL_OPTIONS } from "../../src/cli/workers/pool_options.ts";
import { findProgram, runProgram, withFiles } from "../../src/runtime/run_program.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { FakeTerminal, fcgi } from "./_terminal.ts";

const SITES = ["nginx", "lighttpd", "apache", "caddy", "haproxy"];
const SOCKET = ["--socket", "/run/app/fcgi.sock"];
const APP = ["--app", "/srv/app/app.ts"];

/** Prints a configuration; fails if it is refused. */
async function print(args: readonly string[], variables: Record<string, string> = {}) {
  const { code, out, err } = await fcgi(["config", ...args], new FakeTerminal({ variables }));
  assertEquals(code, 0, err.join("\n"));
  return { text: out, hints: err.join("\n") };
}

async function refusal(args: readonly string[]): Promise<string | undefined> {
  const { code, out, err } = await fcgi(["config", ...args]);
  assertEquals([code, out], [2, ""], args.join(" "));
  return err[0];
}

/** The lines without comments and indentation. */
function directives(text: string): string[] {
  return text.split("\n").map((line) => line.trim()).filter((line) => !/^(?:#|$)/.test(line));
}

describe("fcgi config", () => {
  for (const server of [...SITES, "systemd", "htaccess"]) {
    it(`${server} begins with the command that prints it again`, async () => {
      const args = server === "htaccess"
        ? ["--app", "my app's/app.ts"]
        : server === "systemd"
        ? ["--socket", "it's.sock", ...APP, "-w", "2"]
        : ["-w", "2", "--socket", "it's.sock", "--base-path", "/app/"];
      const { text, hints } = await print([server, ...args]);
      const first = text.split("\n", 1)[0]!;
      assert(first.startsWith(`# fcgi config ${server} --`), first);
      // As a shell reads it.
      const words = Array.from(
        first.slice("# fcgi config ".length).matchAll(/(?:'[^']*'|\\'|[^' ])+/g),
        ([word]) => word.replace(/'([^']*)'|\\(')/g, "$1$2"),
      );
      assertEquals(await print(words), { text, hints });
      if (server !== "htaccess") assert(words.includes("/here/it's.sock"));
    });
  }

  it("keeps connections to one process, and none to several on one socket", async () => {
    const keeps: Record<string, (lines: string[]) => boolean> = {
      nginx: (lines) => lines.includes("fastcgi_keep_conn on;") && lines.includes("keepalive 8;"),
      apache: (lines) => lines.some((line) => line.endsWith(" enablereuse=on")),
      haproxy: (lines) => !lines.includes("no option keep-conn"),
    };
    for (const [server, isKept] of Object.entries(keeps)) {
      for (
        const [workers, expected] of [
          [[], true],
          [["--workers", "1"], true],
          [["--workers", "2"], false],
          [["--workers", "auto"], false],
          ...server === "apache"
            ? []
            : [[["--workers", "1", "--socket-per-worker"], true]] as const,
        ] as const
      ) {
        const { text } = await print([server, ...SOCKET, ...workers]);
        assertEquals(isKept(directives(text)), expected, text);
        assert(expected || !/^[^#]*(?:keep_conn|keepalive|enablereuse)/m.test(text), text);
      }
    }
  });

  it("spreads requests over the sockets of workers", async () => {
    const args = ["--socket", "/run/app.sock", "-w", "2", "--socket-per-worker"];
    const paths = ["/run/app.0.sock", "/run/app.1.sock"];
    for (const [server, word] of [["nginx", "least_conn;"], ["haproxy", "balance leastconn"]]) {
      const { text, hints } = await print([server!, ...args]);
      const lines = directives(text);
      assert(lines.includes(word!), text);
      assertEquals(paths.map((path) => lines.filter((line) => line.includes(path)).length), [1, 1]);
      assert(/ --workers 2 --socket-per-worker$/m.test(hints));
    }
  });

  it("names the socket of one worker, too, if it is that worker's", async () => {
    const args = ["nginx", "--socket", "/run/app.sock", "-w", "1", "--socket-per-worker"];
    const { text, hints } = await print(args);
    assert(text.includes("server unix:/run/app.0.sock;"), text);
    assertMatch(hints, / --workers 1 --socket-per-worker$/m);
  });

  it("listens on another port than the server's own only if it is told to", async () => {
    for (
      const [server, line] of [
        ["apache", "Listen 8080"],
        ["lighttpd", '$SERVER["socket"] == ":8080" {'],
        ["caddy", "http://localhost:8080 {"],
      ] as const
    ) {
      const other = await print([server, ...SOCKET, "--port", "8080"]);
      assert(directives(other.text).includes(line), other.text);
      assertMatch(other.hints, /http:\/\/localhost:8080\//);
      const usual = await print([server, ...SOCKET]);
      assert(!/^Listen|"socket"\]|:80\b/m.test(usual.text.replace("*:80>", "")), usual.text);
      assertMatch(usual.hints, /http:\/\/localhost\/$/m);
    }
  });

  it("names a port of TCP, of IPv6, too", async () => {
    for (
      const [server, four, six] of [
        ["nginx", "server 127.0.0.1:9000;", "server [::1]:9000;"],
        ["lighttpd", '"host" => "127.0.0.1",', '"host" => "::1",'],
        ["caddy", "reverse_proxy 127.0.0.1:9000 {", "reverse_proxy [::1]:9000 {"],
        [
          "haproxy",
          "server application 127.0.0.1:9000 proto fcgi",
          "server application [::1]:9000 proto fcgi",
        ],
        ["systemd", "ListenStream=127.0.0.1:9000", "ListenStream=[::1]:9000"],
      ] as const
    ) {
      const app = server === "systemd" ? APP : [];
      for (const [connect, line] of [["9000", four], ["[::1]:9000", six]] as const) {
        const { text } = await print([server, "-c", connect, ...app]);
        assert(directives(text).some((each) => each.startsWith(line)), text);
      }
    }
  });

  it("leaves variables alone that are for fcgi serve", async () => {
    const variables = { FCGI_GROUP: "staff", FCGI_SOCKET: "/run/a.sock", FCGI_WORKERS: "2" };
    assertMatch((await print(["nginx"], variables)).text, /^ +fastcgi_pass unix:\/run\/a.sock;$/m);
    await print(["htaccess", ...APP], variables);
  });

  for (
    const [args, message] of [
      [["ngnix", ...SOCKET], /^fcgi config: There is no configuration of ngnix, .*mean nginx\?$/],
      [["nginx"], /Name its socket with --socket PATH/],
      [["systemd", ...SOCKET], /Name its module with --app FILE/],
      [["htaccess", ...APP, ...SOCKET], /--socket is not for htaccess$/],
      [["htaccess", ...APP, "-w", "2"], /--workers is not for htaccess$/],
      [["nginx", ...SOCKET, "--user=me"], /--user is not for nginx$/],
      [
        ["haproxy", ...SOCKET, "--root", "/srv"],
        /--root is not for haproxy: HAProxy serves no files/,
      ],
      [["nginx", ...SOCKET, "--port", "443"], /--port 443 needs a certificate/],
      [["nginx", ...SOCKET, "--port", "70000"], /--port cannot be 70000: it is a number from 1/],
      [["nginx", ...SOCKET, "--workers", "0"], /--workers cannot be 0/],
      [["nginx", ...SOCKET, "--socket-per-worker"], /needs to know how many: add --workers N$/],
      [["nginx", "-c", "9000", "-w", "2", "--socket-per-worker"], /is for Unix sockets: add --soc/],
      [
        ["caddy", ...SOCKET, "-w", "2", "--socket-per-worker"],
        /--socket-per-worker is not for caddy: it opens a connection for each request/,
      ],
      [["nginx", ...SOCKET, "--host", "a.b:80"], /--host cannot be "a\.b:80": it is one name/],
      [["nginx", ...SOCKET, "--host", "a;b"], /--host cannot be/],
      [["nginx", "-c", "a;b:9000"], /--connect cannot be on "a;b": that is no host/],
      [
        ["systemd", "-c", "localhost:9000", ...APP],
        /listens on IP addresses, such as 127\.0\.0\.1:9000$/,
      ],
      [["systemd", ...SOCKET, ...APP, "--user", "a b"], /--user cannot be "a b": that is no name/],
      [["htaccess", "--app", "/srv/my app.ts"], /--app cannot be "my app\.ts": its name may have/],
    ] as const
  ) {
    it(`refuses ${args.join(" ")}`, async () => {
      assertMatch((await refusal(args))!, message);
    });
  }

  it("refuses base paths that mean something elsewhere", async () => {
    for (const path of ["app", "/a b", "/a;b", "/a(", "/a%20b", "/a//b", "/../a", '/"', "/a$"]) {
      assertMatch((await refusal(["nginx", ...SOCKET, "--base-path", path]))!, /cannot be/, path);
    }
  });
});

describe("paths in a configuration", () => {
  const NASTY = [
    ...[
      "a b",
      "a:b",
      "a?b",
      "a[b",
      "a*b",
      "a;b",
      "a{b",
      "a}b",
      "a#b",
      "a'b",
      "a|b",
      "a,b",
      "a%b",
      "a$b",
      "a${b}",
      "a=b",
      "aäb",
    ],
    ...['a"b', "a\\b", "a\nb", "a\tb", "a\x7fb"],
  ];
  /** What ends a value within quotes, or means something there. */
  const NEVER: Record<string, RegExp> = {
    nginx: /[$"\\\p{Cc}]/u,
    lighttpd: /["\\\p{Cc}]/u,
    apache: /[$%|#?"\\\p{Cc}]/u,
    caddy: /[{}:[*?"\\\p{Cc}]/u,
    haproxy: /[$%,"\\\p{Cc}]/u,
  };

  for (const server of SITES) {
    it(`of ${server} are in quotes, or refused with a reason`, async () => {
      for (const name of NASTY) {
        for (const option of server === "haproxy" ? ["--socket"] : ["--socket", "--root"]) {
          const path = `/srv/${name}`;
          const socket = option === "--socket" ? [] : SOCKET;
          const args = ["config", server, ...socket, option, path];
          const { code, out, err } = await fcgi(args);
          if (code === 2) {
            assertEquals(out, "");
            assert(NEVER[server]!.test(path), `${server} refuses ${path}`);
            assert(
              err[0]!.startsWith(`fcgi config: ${option} cannot be ${JSON.stringify(path)}: `),
            );
            continue;
          }
          assertEquals([code, NEVER[server]!.test(path)], [0, false], `${server} ${path}`);
          const quoted = Array.from(out.matchAll(/"([^"\n]*)"/g), ([, inner]) => inner!);
          assert(quoted.some((inner) => inner.includes(path)), out);
          const rest = out.replace(/"[^"\n]*"|^#.*/gm, "");
          assert(!rest.includes(path), rest);
        }
      }
    });
  }

  it("of systemd mean themselves", async () => {
    const { text } = await print([
      "systemd",
      "--socket",
      "/run/a %n.sock",
      "--app",
      "/srv/a $b;%.ts",
    ]);
    const lines = directives(text);
    assert(lines.includes("ListenStream=/run/a %%n.sock"), text);
    assert(lines.some((line) => line.endsWith(' serve "/srv/a $$b;%%.ts"')), text);
    for (const path of ['/run/a"b', "/run/a\\b", "/run/a\nb", "/run/a "]) {
      await refusal(["systemd", "--socket", path, ...APP]);
    }
  });

  it("with control characters do not come into the comment either", async () => {
    for (const app of ["/srv/a\nb/app.ts", "/srv/a\rb/app.fcgi.ts"]) {
      assertMatch((await refusal(["htaccess", "--app", app]))!, /--app has a control character$/);
    }
  });
});

describe("fcgi config systemd", () => {
  it("stops the first process alone, and waits longer than fcgi serve does", async () => {
    const stop = Number(POOL_OPTIONS.find(({ name }) => name === "stop-timeout")!.fallback);
    for (const [args, least] of [[[], 7], [["--workers", "4"], stop + 2]] as const) {
      const lines = directives((await print(["systemd", ...SOCKET, ...APP, ...args])).text);
      assert(lines.includes("KillMode=mixed") && lines.includes("Type=exec"));
      const time = lines.find((line) => line.startsWith("TimeoutStopSec="))!.split("=")[1];
      assert(Number(time) > least, time);
    }
  });

  it("starts this program by absolute names, as the user that is said", async () => {
    const { text } = await print(["systemd", ...SOCKET, ...APP, "--user", "app", "--group", "web"]);
    const lines = directives(text);
    assertMatch(text, /^ExecStart=\/\S+ .*\/\S+ serve \/srv\/app\/app\.ts$/m);
    for (
      const line of [
        ...["User=app", "Group=web", "SocketUser=app", "SocketGroup=web", "SocketMode=0660"],
        ...["WorkingDirectory=/srv/app", "ListenStream=/run/app/fcgi.sock"],
      ]
    ) assert(lines.includes(line), line);
  });

  it("says how its two files are written", async () => {
    const { text, hints } = await print(["systemd", ...SOCKET, "--app", "/srv/blog.mjs"]);
    assertMatch(hints, /\| awk '.*'\n/);
    const files = Array.from(text.matchAll(/^# ==> (\S+) <==$/gm), ([, name]) => name);
    const directory = "/etc/systemd/system";
    assertEquals(files, [`${directory}/blog.socket`, `${directory}/blog.service`]);
    assertMatch(hints, /enable --now blog\.socket blog\.service/);
  });
});

describe("fcgi config htaccess", () => {
  it("sends all to the program, or to one that starts fcgi serve", async () => {
    for (
      const [app, script, starts] of [
        ["/home/me/app.fcgi.ts", "app.fcgi.ts", false],
        ["/home/me/app.ts", "app.fcgi", true],
        ["/home/me/it's/app.mjs", "app.fcgi", true],
      ] as const
    ) {
      const { text, hints } = await print(["htaccess", "--app", app]);
      assertEquals(directives(text).at(-1), `RewriteRule ^ ${script} [L]`);
      assert(directives(text).includes("CGIPassAuth On"));
      assertEquals(/^ +exec .* serve /m.test(hints), starts, hints);
      const home = await print(["htaccess", "--app", app], { HOME: "/home/me and you" });
      assertEquals(home.hints.includes("exec env 'HOME=/home/me and you' /"), starts, home.hints);
    }
  });

  it("has no test beside its server", async () => {
    const { code, err } = await fcgi(["config", "htaccess", ...APP, "--check"]);
    assertEquals(code, 1);
    assertMatch(err.at(-1)!, /^Not tested: /);
  });
});

describe("--check", () => {
  const files = (text: string) => ({ "a.conf": text });

  it("says that the program is not installed", async () => {
    const test = { program: "no-such-server", args: () => [], files };
    assertEquals(await check(test, ""), {
      isGood: false,
      lines: ["Not tested: no-such-server is not installed here"],
    });
  });

  it("says what the program says", async () => {
    const test = {
      program: "sh",
      args: (directory: string) => ["-c", `cat "${directory}/a.conf" >&2; exit 3`],
      files,
    };
    assertEquals(await check(test, "line 1: no\nthing\n"), {
      isGood: false,
      lines: ["sh does not take it:", "    line 1: no", "    thing"],
    });
    assertEquals(await check({ ...test, args: () => ["-c", "true"] }, ""), {
      isGood: true,
      lines: ["sh takes it"],
    });
  });
});

describe("runProgram, withFiles", () => {
  it("has the output and the exit code of a program", async () => {
    const sh = findProgram("sh")!;
    const outcome = await runProgram(sh, ["-c", "echo a; read b; exit 4"]);
    assertEquals(outcome, { code: 4, output: "a\n" });
    await assertRejects(() => runProgram("/no/such/program", []));
    assertEquals(findProgram("no-such-program"), undefined);
  });

  it("leaves no file behind, whatever comes of it", async () => {
    let place = "";
    const failed = withFiles({ "a": "b" }, async (directory) => {
      place = directory;
      await access(join(directory, "a"));
      writeFileSync(join(directory, "more"), "");
      throw new Error("failed");
    });
    await assertRejects(() => failed, Error, "failed");
    await assertRejects(() => access(place));
  });
});
