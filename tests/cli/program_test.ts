/** `fcgi` without a command of its own: its help, and its answers to mistakes. */
import { readFile } from "node:fs/promises";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { COMMANDS, VERSION } from "../../src/cli/program.ts";
import { variableOf } from "../../src/cli/parse.ts";
import { FakeTerminal, fcgi } from "./_terminal.ts";

const CONFIG = new URL("../../deno.json", import.meta.url);

describe("fcgi", () => {
  it("without a command says what there is, on standard error, with exit code 2", async () => {
    const { code, out, err } = await fcgi([]);
    assertEquals([code, out], [2, ""]);
    assertMatch(err.join("\n"), /^fcgi: .*\n\nUsage: fcgi COMMAND/);
  });

  for (const args of [["--help"], ["-h"], ["help"]]) {
    it(`${args.join(" ")} says it on standard output`, async () => {
      const { code, out, err } = await fcgi(args);
      assertEquals([code, err], [0, []]);
      for (const { name, summary } of COMMANDS) {
        assertStringIncludes(out, `${name} `);
        assertStringIncludes(out, summary);
      }
    });
  }

  it("--version is that of the module", async () => {
    const { version } = JSON.parse(await readFile(CONFIG, "utf8"));
    assertEquals(VERSION, version);
    for (const flag of ["--version", "-V", "version"]) {
      assertEquals(await fcgi([flag]), { code: 0, out: `fcgi ${version}\n`, err: [] });
    }
  });

  for (
    const [args, message] of [
      [["gte"], "fcgi: There is no command gte; did you mean get?"],
      [["help", "pong"], "fcgi: There is no command pong; did you mean ping?"],
      [["xyzzy"], "fcgi: There is no command xyzzy"],
      [["get"], "fcgi get: URL is missing: fcgi get URL"],
      [
        ["get", "/", "/b"],
        'fcgi get: "/b" is one argument too many; a socket is --socket PATH',
      ],
      [["completions", "fish", "zsh"], 'fcgi completions: "zsh" is one argument too many'],
      [["--socket", "x", "status"], "fcgi: --socket cannot come first: fcgi COMMAND [options]"],
      [
        ["serve", "app.ts", "--port", "9000"],
        "fcgi serve: There is no option --port; did you mean --listen?",
      ],
      [["status", "-l", "9"], "fcgi status: There is no option -l; did you mean --connect?"],
      [
        ["serve", "app.ts", "-w", "many"],
        "fcgi serve: --workers cannot be many: it is a number from 1 to 512, or auto",
      ],
      [
        ["get", "/", "--scoket", "x"],
        "fcgi get: There is no option --scoket; did you mean --socket?",
      ],
      [["get", "/", "-z"], "fcgi get: There is no option -z"],
      [["get", "/", "--socket"], "fcgi get: --socket needs a value: --socket PATH"],
      [["get", "/", "--json=yes", "-c", "9"], "fcgi get: --json takes no value"],
      [["get", "/", "-c", "9", "-c", "8"], "fcgi get: --connect is given twice"],
      [
        ["get", "/", "-c", "9", "--role", "responsder"],
        "fcgi get: --role cannot be responsder: it is one of responder, authorizer, filter; did you mean responder?",
      ],
      [
        ["get", "/", "-c", "nine"],
        'fcgi get: "nine" is no HOST:PORT, such as 127.0.0.1:9000 or [::1]:9000',
      ],
      [
        ["get", "/", "-c", "70000"],
        'fcgi get: "70000" is no HOST:PORT, such as 127.0.0.1:9000 or [::1]:9000',
      ],
      [["get", "/", "-c", "9", "-s", "x"], "fcgi get: --socket and --connect exclude each other"],
      [
        ["get", "/"],
        "fcgi get: Where is the application? Name its socket with --socket PATH, or --connect HOST:PORT",
      ],
      [
        ["get", "ftp://x/", "-c", "9"],
        'fcgi get: "ftp://x/" is no http: URL, and no path that begins with /',
      ],
      [
        ["get", "/", "-c", "9", "-H", "nonsense"],
        "fcgi get: \"nonsense\" is no header: --header 'NAME: VALUE'",
      ],
      [
        ["get", "/", "-c", "9", "--timeout", "soon"],
        "fcgi get: --timeout cannot be soon: it is a number of seconds, more than 0",
      ],
      [
        ["get", "/", "-c", "9", "-d", "@none"],
        "fcgi get: Cannot read the body: ENOENT: no such file: none",
      ],
    ] as const
  ) {
    it(`${args.join(" ")} is a mistake, and the answer helps`, async () => {
      const { code, out, err } = await fcgi(args);
      assertEquals([code, out, err[0], err.length], [2, "", message, 2]);
      assertMatch(err[1]!, /^fcgi( \w+)? --help says/);
    });
  }

  it("says where a mistake is from that is in the environment", async () => {
    const terminal = new FakeTerminal({ variables: { FCGI_WORKERS: "x", FCGI_MODE: "600" } });
    const { code, err } = await fcgi(["serve", "app.ts", "--socket", "s"], terminal);
    assertEquals([code, ...err], [
      2,
      "fcgi serve: --workers cannot be x: it is a number from 1 to 512, or auto",
      "The environment says --workers, as FCGI_WORKERS",
      "fcgi serve --help says more",
    ]);
  });

  for (const command of COMMANDS) {
    describe(command.name, () => {
      it("has a help of at most 80 columns that names every option and variable", async () => {
        const { code, out, err } = await fcgi([command.name, "--help"]);
        assertEquals([code, err], [0, []]);
        assertEquals(await fcgi(["help", command.name]), { code, out, err });
        for (const line of out.split("\n")) assert(line.length <= 80, line);
        for (const { name, short } of command.options) {
          assertStringIncludes(out, short === undefined ? `    --${name}` : `-${short}, --${name}`);
        }
        for (const [line] of command.examples) assertStringIncludes(out, `  ${line}\n`);
      });

      it("has examples that its parser takes", async () => {
        for (const [line] of command.examples) {
          const [program, name, ...args] = line.split(" ");
          assertEquals([program, name], ["fcgi", command.name]);
          const { code } = await fcgi([name!, ...args, "--help"]);
          assertEquals(code, 0, line);
        }
      });

      it("has no option twice, and no variable of systemd's or the library's", () => {
        const names = command.options.flatMap(({ name, short }) => [name, short ?? name + name]);
        assertEquals(new Set(names).size, names.length);
        for (const option of command.options) {
          assert(variableOf(option) !== "FCGI_WEB_SERVER_ADDRS", option.name);
        }
      });
    });
  }

  it("takes an option from its environment variable, and the command line wins", async () => {
    const variables = { FCGI_CONNECT: "nine" };
    const mistaken = await fcgi(["ping"], new FakeTerminal({ variables }));
    assertStringIncludes(mistaken.err[0]!, '"nine" is no HOST:PORT');
    const won = await fcgi(["ping", "-c", "ten"], new FakeTerminal({ variables }));
    assertStringIncludes(won.err[0]!, '"ten" is no HOST:PORT');
  });
});
