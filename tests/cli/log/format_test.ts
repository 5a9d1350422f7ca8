/** Lines of the access log: the letters of php-fpm's documentation, and what clients try. */
import {
  assert,
  assertEquals,
  assertLessOrEqual,
  assertMatch,
  assertThrows,
} from "../../_assert.ts";
import { Random, utf8AsLatin1 } from "../../_bytes.ts";
import { describe, it } from "../../_harness.ts";
import { LogFormat, MAX_LINE, NAMED_FORMATS } from "../../../src/cli/log/format.ts";
import { strftime } from "../../../src/cli/log/strftime.ts";
import { FakeTerminal, fcgi } from "../_terminal.ts";
import { entry, type EntrySpec, lineOf, START } from "./_entry.ts";

const TIME = strftime("%d/%b/%Y:%H:%M:%S %z")(START);

/** Formats, what is asked, and the line. */
const LINES: [format: string, spec: EntrySpec, line: string][] = [
  // The formats in php-fpm's www.conf.
  ['%R - %u %t "%m %r%Q%q" %s %f %{milli}d %{kilo}M %C%%', {
    params: {
      REQUEST_URI: "/a/b.php?x=1&y=2",
      QUERY_STRING: "x=1&y=2",
      REMOTE_USER: "ann",
      SCRIPT_FILENAME: "/srv/a/b.php",
    },
  }, `192.0.2.1 - ann ${TIME} "GET /a/b.php?x=1&y=2" 200 /srv/a/b.php 12.346 3072 48.60%`],
  ['%R - %u %t "%m %r" %s', {}, `192.0.2.1 - - ${TIME} "GET /" 200`],
  // CPU.
  ["%C %{total}C %{user}C %{system}C %{TOTAL}C", {}, "48.60 48.60 40.50 8.10 48.60"],
  ["%d %{seconds}d %{milliseconds}d %{milli}d %{mili}d", {}, "0.012 0.012 12.346 12.346 12.346"],
  ["%{microseconds}d %{micro}d", {}, "12346 12346"],
  [
    "%{REQUEST_METHOD}e %{SERVER_PROTOCOL}e %{HTTP_HOST}e %{HTTP_USER_AGENT}e",
    { params: { REQUEST_METHOD: "GET", HTTP_HOST: "example.org" } },
    "GET HTTP/1.1 example.org -",
  ],
  ["%f", {}, "-"],
  ["%l", { params: { CONTENT_LENGTH: "17" } }, "17"],
  ["%l", {}, "0"],
  [
    "%M %{bytes}M %{kilobytes}M %{kilo}M %{megabytes}M %{mega}M",
    {},
    "3145828 3145828 3072 3072 3 3",
  ],
  ["%n %p %P", {}, "app.ts 42 7"],
  ["%n", { pool: utf8AsLatin1("ä.ts") }, "\\xc3\\xa4.ts"],
  ["%{Content-Type}o %{content-type}o %{X-Other}o", {}, "text/plain text/plain -"],
  [
    "%{X-A}o",
    { head: "X-Ab: 1\r\nX-A: 2\r\nX-A: 3\r\nStatus: 200 OK\r\n\r\n" },
    "2",
  ],
  ["%r%Q%q", { params: { REQUEST_URI: "/p" } }, "/p"],
  ["%r|%Q|%q", { params: { REQUEST_URI: "/p?" } }, "/p||"],
  ["%r|%Q|%q", { params: { REQUEST_URI: "/p?a?b", QUERY_STRING: "other" } }, "/p|?|a?b"],
  ["%s", { head: "Status: 404 Not Found\r\nA: b\r\n\r\n" }, "404"],
  ["%{%Y-%m-%dT%H:%M:%S%z}t", {}, strftime("%Y-%m-%dT%H:%M:%S%z")(START)],
  ["%{%s}t %{%s}T", {}, `${START / 1000} ${START / 1000}`],
  ["%u", { params: { HTTP_AUTHORIZATION: `Basic ${btoa("bob:secret")}` } }, "bob"],
  ["%u", { params: { HTTP_AUTHORIZATION: `Basic ${btoa("x [y] z:secret")}` } }, "x+[y]+z"],
  ["%u", { params: { HTTP_AUTHORIZATION: "Basic %%%", REMOTE_USER: "" } }, "-"],
  ["100%% of %m", {}, "100% of GET"],
  ["a\t%m\tb → ü", {}, "a\tGET\tb → ü"],
  // Apache's.
  ["%h %B %b %D %H %U %X", {}, "192.0.2.1 1234 1234 12346 HTTP/1.1 / -"],
  ["%B %b %X %{json}X", { bytes: 0, isComplete: false }, "0 - X true"],
  ["%{User-Agent}i %{user-agent}i", { params: { HTTP_USER_AGENT: "me" } }, "me me"],
  // Without an answer, and without parameters.
  ["%s %X", { head: "", isComplete: false }, "499 X"],
  ["common", {
    method: "",
    head: "Status: 503 Service Unavailable\r\n\r\n",
    bytes: 0,
    params: {},
  }, `192.0.2.1 - - [${TIME}] "- / HTTP/1.1" 503 -`],
  // Those with a name.
  [
    "common",
    { params: { REQUEST_URI: "/a?b", REMOTE_USER: "ann" } },
    `192.0.2.1 - ann [${TIME}] "GET /a?b HTTP/1.1" 200 1234`,
  ],
  [
    "combined",
    { params: { HTTP_REFERER: "http://a/", HTTP_USER_AGENT: 'a "b"' } },
    `192.0.2.1 - - [${TIME}] "GET / HTTP/1.1" 200 1234 "http://a/" "a \\x22b\\x22"`,
  ],
];

/** What cannot be a format, and what is said of it. */
const MISTAKES: [format: string, message: string][] = [
  ["%z", "There is no %z in a format of a log: it has %C %d"],
  ["%R %", "The format ends with %, without a letter"],
  ["%{a}", "The format ends with %{a}, without a letter"],
  ["%{a", "A brace of the format is not closed"],
  ["%e", "%e needs a name in braces: %{NAME}e"],
  ["%{}o", "%o needs a name in braces: %{NAME}o"],
  ["%{x}m", "%m has nothing in braces"],
  ["%{weeks}d", "There is no %{weeks}d: in the braces is one of seconds, milli, micro"],
  ["%{%Q}t", "There is no %Q in a format of times"],
  ["%{constructor}d", "There is no %{constructor}d"],
  ["", "there is no %s or another letter in it"],
  ["%m\n%r", "A format of a log is one line"],
  ["%m\x1b[31m", "A format of a log is one line"],
  [`%m${"x".repeat(2048)}`, "The format is 2050 characters long; the most is 2048"],
];

describe("LogFormat", () => {
  for (const [format, spec, line] of LINES) {
    it(`${JSON.stringify(format)} becomes ${JSON.stringify(line)}`, () => {
      assertEquals(lineOf(format, spec), line);
    });
  }

  it("json is an object with what a client has sent as UTF-8", () => {
    const line = lineOf("json", {
      params: {
        REQUEST_URI: '/ü?a="\\\n'.replace("ü", utf8AsLatin1("ü")),
        HTTP_USER_AGENT: utf8AsLatin1("\u{1f600}") + "\xff",
        HTTP_HOST: "example.org",
      },
      head: "Status: 404 Not Found\r\n\r\n",
      isComplete: false,
    });
    assertMatch(line, /^[ -~]+$/);
    assertEquals(JSON.parse(line), {
      time: strftime("%Y-%m-%dT%H:%M:%S%z")(START),
      remote_addr: "192.0.2.1",
      user: "-",
      method: "GET",
      url: '/ü?a="\\\n',
      protocol: "HTTP/1.1",
      host: "example.org",
      status: 404,
      bytes: 1234,
      seconds: 0.012,
      aborted: true,
      referer: "-",
      user_agent: "\u{1f600}\ufffd",
      pid: 42,
    });
  });

  it("escapes for JSON what is filled in where a format of one's own is JSON", () => {
    const line = lineOf('{"url":"%r","code":%s}', { params: { REQUEST_URI: '/","code":1,"a":"' } });
    assertEquals(JSON.parse(line), { url: '/","code":1,"a":"', code: 200 });
  });

  for (const [format, message] of MISTAKES) {
    it(`${JSON.stringify(format.slice(0, 40))} is a mistake, told at the start`, async () => {
      assertThrows(() => new LogFormat(format), SyntaxError, message);
      if (format === "") return;
      const { code, err } = await fcgi(["serve", "app", "--access-log", format]);
      assertEquals([code, err[0]?.includes(message)], [2, true]);
    });
  }

  it("suggests the name that was meant", async () => {
    const { code, err } = await fcgi(["serve", "app", "--access-log", "comon"], new FakeTerminal());
    assertEquals([code, err[0]], [
      2,
      "fcgi serve: --access-log: comon is no format: there is no %s or another letter in it; " +
      "did you mean common?",
    ]);
  });

  it("lets no client forge a line, or a field in quotes", () => {
    const forged = '/" 200 1\n192.0.2.9 - - [x] "GET /admin\r\u2028\\';
    const line = lineOf("combined", {
      params: {
        REQUEST_URI: utf8AsLatin1(forged),
        HTTP_USER_AGENT: '" "\x85\x1b[31m',
      },
    });
    assertEquals(
      line,
      `192.0.2.1 - - [${TIME}] "GET /\\x22 200 1\\x0a192.0.2.9 - - [x] \\x22GET /admin\\x0d` +
        `\\xe2\\x80\\xa8\\x5c HTTP/1.1" 200 1234 "-" "\\x22 \\x22\\x85\\x1b[31m"`,
    );
  });

  it("cuts a long field, and that alone, with a mark", () => {
    const line = lineOf("common", { params: { REQUEST_URI: `/${"a".repeat(9000)}` } });
    assertMatch(line, /"GET \/a{2000,}\.\.\. HTTP\/1\.1" 200 1234$/);
    const quotes = lineOf("common", { params: { REQUEST_URI: `/${'"'.repeat(9000)}` } });
    assertMatch(quotes, /"GET \/(?:\\x22){500,}\.\.\. HTTP\/1\.1" 200 1234$/);
    const json = JSON.parse(lineOf("json", {
      params: { REQUEST_URI: `/${'"'.repeat(9000)}`, HTTP_USER_AGENT: "\u00ff".repeat(9000) },
    }));
    assertMatch(json.url, /^\/"{100,}\.\.\.$/);
    assertMatch(json.user_agent, /^\ufffd{100,}\.\.\.$/);
    assertEquals(json.status, 200);
  });

  it("cuts the line if its fields are too many", () => {
    const line = new LogFormat("→%r".repeat(600)).line(
      entry({ params: { REQUEST_URI: "/".repeat(30) } }),
    );
    assertEquals(line.endsWith("...\n"), true);
    assertLessOrEqual(new TextEncoder().encode(line).length, MAX_LINE);
  });

  it("makes one line of any bytes, never too long", () => {
    const random = new Random(11);
    const text = (most: number) => {
      const length = random.below(most);
      return String.fromCharCode(...Array.from({ length }, () => random.below(256)));
    };
    const formats = [
      ...Object.keys(NAMED_FORMATS),
      '{"a":"%r%Q%q","b":"%{A}o"}',
      "%r %{A}o %u %f ü",
    ];
    for (let i = 0; i < 3000; i++) {
      const most = random.below(10) === 0 ? 9000 : 60;
      const format = formats[i % formats.length]!;
      const line = new LogFormat(format).line(entry({
        params: {
          REQUEST_URI: text(most),
          HTTP_USER_AGENT: text(most),
          HTTP_REFERER: text(most),
          HTTP_HOST: text(most),
          HTTP_AUTHORIZATION: random.below(2) ? text(most) : `Basic ${btoa(text(most))}`,
          SCRIPT_FILENAME: text(most),
          REMOTE_ADDR: text(20),
        },
        head: `A: ${text(most).replace(/[\r\n]/g, "")}\r\nStatus: 200 OK\r\n\r\n`,
      }));
      assertMatch(line.slice(0, -1), /^[ -~ü]+$/, `case ${i}`);
      assert(line.endsWith("\n"));
      assertLessOrEqual(new TextEncoder().encode(line).length, MAX_LINE);
      if (format === "json" || format[0] === "{") JSON.parse(line);
    }
  });
});

describe("strftime", () => {
  const date = new Date(2026, 0, 4, 0, 5, 9);
  for (
    const [format, text] of [
      ["%a %A %b %B %h", "Sun Sunday Jan January Jan"],
      ["%d %e %j %m %y %Y %C", "04  4 004 01 26 2026 20"],
      ["%H %I %M %S %p", "00 12 05 09 AM"],
      ["%F %T %R %D %r", "2026-01-04 00:05:09 00:05 01/04/26 12:05:09 AM"],
      ["%u %w %%", "7 0 %"],
      ["%c", "Sun Jan  4 00:05:09 2026"],
    ] as const
  ) {
    it(`${format} is ${text}`, () => assertEquals(strftime(format)(date.getTime()), text));
  }

  it("%s and %z are the same moment", () => {
    const text = strftime("%Y-%m-%dT%H:%M:%S%z")(START);
    assertEquals(Date.parse(text.replace(/(\d\d)$/, ":$1")), START);
    assertEquals(strftime("%s")(START), String(START / 1000));
  });

  it("has the time of each second", () => {
    const format = strftime("%S");
    assertEquals([0, 999, 1000, 0].map((ms) => format(date.getTime() + ms)), [
      ...["09", "09", "10", "09"],
    ]);
  });
});
