/** What a file's answer depends on (RFC 9110, sections 8.8, 13 and 14). */
import { answerWithFile, type FileAnswer, lengthOf } from "../../src/client/gateway/file_answer.ts";
import { formatHttpDate, parseHttpDate } from "../../src/client/gateway/http_date.ts";
import { parseRange } from "../../src/client/gateway/ranges.ts";
import { validatorsOf } from "../../src/client/gateway/conditions.ts";
import { fileType } from "../../src/client/gateway/file_type.ts";
import { assert, assertEquals } from "../_assert.ts";
import { latin1, Random } from "../_bytes.ts";
import { describe, it } from "../_harness.ts";

/** Sun, 06 Nov 1994 08:49:37 GMT, and some milliseconds. */
const MODIFIED = 784_111_777_250;
const DATE = "Sun, 06 Nov 1994 08:49:37 GMT";
const EARLIER = "Sun, 06 Nov 1994 08:49:36 GMT";
const LATER = "Sun, 06 Nov 1994 08:49:38 GMT";
const NOW = MODIFIED + 3_600_000;
const FILE = { size: 10_000, modified: MODIFIED, type: "text/plain" };
const { etag: ETAG } = validatorsOf(FILE, NOW);
const OTHER = '"other"';

function ask(
  headers: Record<string, string>,
  { method = "GET", now = NOW, size = FILE.size } = {},
): FileAnswer {
  const request = { method, headers: new Headers(headers) };
  return answerWithFile(request, { ...FILE, size }, now, () => "BOUNDARY");
}

describe("validators", () => {
  it("are a tag of size and time, and the time in seconds", () => {
    assertEquals(validatorsOf(FILE, NOW), {
      etag: `"${MODIFIED.toString(16)}-2710"`,
      lastModified: 784_111_777,
      isStrong: true,
    });
  });

  it("differ if the size does, or a millisecond", () => {
    const others = [{ ...FILE, size: 10_001 }, { ...FILE, modified: MODIFIED + 1 }];
    assertEquals(others.map((other) => validatorsOf(other, NOW).etag === ETAG), [false, false]);
  });

  it("are weak while the file may be changed within the precision of its time", () => {
    for (
      const [age, isStrong] of [[0, false], [1999, false], [2000, true], [-5000, false]] as const
    ) {
      const validators = validatorsOf(FILE, MODIFIED + age);
      assertEquals(validators.isStrong, isStrong);
      assertEquals(validators.etag.startsWith("W/"), !isStrong);
    }
  });

  it("are never of the future (RFC 9110, section 8.8.2.1)", () => {
    assertEquals(validatorsOf(FILE, MODIFIED - 5000).lastModified, 784_111_772);
  });
});

const CONDITIONS: [headers: Record<string, string>, status: number][] = [
  [{}, 200],
  [{ "if-none-match": ETAG }, 304],
  [{ "if-none-match": `W/${ETAG}` }, 304],
  [{ "if-none-match": `${OTHER}, ${ETAG}` }, 304],
  [{ "if-none-match": `,, ${OTHER}\t,W/${ETAG} ,` }, 304],
  [{ "if-none-match": "*" }, 304],
  [{ "if-none-match": OTHER }, 200],
  [{ "if-none-match": ETAG.slice(1, -1) }, 200],
  [{ "if-none-match": `"a, ${ETAG}` }, 200],
  [{ "if-none-match": '"a,b"' }, 200],
  [{ "if-none-match": `"a,b", ${ETAG}` }, 304],
  [{ "if-none-match": "" }, 200],
  [{ "if-modified-since": DATE }, 304],
  [{ "if-modified-since": LATER }, 304],
  [{ "if-modified-since": EARLIER }, 200],
  [{ "if-modified-since": "Sunday, 06-Nov-94 08:49:37 GMT" }, 304],
  [{ "if-modified-since": "Sun Nov  6 08:49:37 1994" }, 304],
  [{ "if-modified-since": "yesterday" }, 200],
  [{ "if-modified-since": "784111777" }, 200],
  [{ "if-match": ETAG }, 200],
  [{ "if-match": `${OTHER}, ${ETAG}` }, 200],
  [{ "if-match": "*" }, 200],
  [{ "if-match": `W/${ETAG}` }, 412],
  [{ "if-match": OTHER }, 412],
  [{ "if-match": "" }, 412],
  [{ "if-unmodified-since": DATE }, 200],
  [{ "if-unmodified-since": EARLIER }, 412],
  [{ "if-unmodified-since": "never" }, 200],
  // The order of section 13.2.2.
  [{ "if-none-match": OTHER, "if-modified-since": DATE }, 200],
  [{ "if-none-match": ETAG, "if-modified-since": EARLIER }, 304],
  [{ "if-match": ETAG, "if-unmodified-since": EARLIER }, 200],
  [{ "if-match": OTHER, "if-none-match": ETAG }, 412],
  [{ "if-match": ETAG, "if-none-match": ETAG }, 304],
  [{ "if-unmodified-since": EARLIER, "if-modified-since": DATE }, 412],
  [{ "if-unmodified-since": DATE, "if-modified-since": DATE }, 304],
  [{ "if-none-match": ETAG, range: "bytes=0-1" }, 304],
  [{ "if-match": OTHER, range: "bytes=0-1" }, 412],
  [{ range: "bytes=0-1" }, 206],
  [{ range: "bytes=0-1", "if-range": ETAG }, 206],
  [{ range: "bytes=0-1", "if-range": DATE }, 206],
  [{ range: "bytes=0-1", "if-range": `W/${ETAG}` }, 200],
  [{ range: "bytes=0-1", "if-range": OTHER }, 200],
  [{ range: "bytes=0-1", "if-range": LATER }, 200],
  [{ range: "bytes=0-1", "if-range": "Sun Nov  6 08:49:37 1994" }, 200],
  [{ range: "bytes=99999-", "if-range": OTHER }, 200],
  [{ range: "bytes=99999-" }, 416],
];

describe("a conditional request for a file", () => {
  for (const [headers, status] of CONDITIONS) {
    it(`is answered with ${status}: ${JSON.stringify(headers)}`, () => {
      assertEquals(ask(headers).status, status);
      if (!("range" in headers)) assertEquals(ask(headers, { method: "HEAD" }).status, status);
    });
  }

  it("for HEAD has no range", () => {
    const answer = ask({ range: "bytes=0-1" }, { method: "HEAD" });
    assertEquals([answer.status, answer.headers["content-length"]], [200, "10000"]);
  });

  it("has weak validators for a new file: they match, but give no range", () => {
    const young = { now: MODIFIED + 100 };
    const { etag } = validatorsOf(FILE, young.now);
    assertEquals(ask({ "if-none-match": etag }, young).status, 304);
    assertEquals(ask({ "if-match": etag }, young).status, 412);
    assertEquals(ask({ range: "bytes=0-1", "if-range": etag }, young).status, 200);
    assertEquals(ask({ range: "bytes=0-1", "if-range": DATE }, young).status, 200);
    assertEquals(ask({ range: "bytes=0-1" }, young).status, 206);
  });

  it("is refused with the methods that there are, whatever its conditions", () => {
    for (const method of ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "QUERY"]) {
      const answer = ask({ "if-match": OTHER }, { method });
      assertEquals([answer.status, answer.headers], [405, { allow: "GET, HEAD" }]);
    }
  });
});

describe("the answer with a file", () => {
  it("has a type, a length and validators", () => {
    assertEquals(ask({}), {
      status: 200,
      headers: {
        etag: ETAG,
        "last-modified": DATE,
        "accept-ranges": "bytes",
        "content-type": "text/plain",
        "content-length": "10000",
      },
      pieces: [{ start: 0, end: 10_000 }],
    });
  });

  it("has the validators alone for a 304, and nothing for a 412", () => {
    assertEquals(ask({ "if-none-match": "*" }).headers, { etag: ETAG, "last-modified": DATE });
    assertEquals(ask({ "if-match": OTHER }).headers, {});
  });

  it("says which range it is", () => {
    const { status, headers, pieces } = ask({ range: "bytes=-500" });
    assertEquals([status, headers["content-range"], headers["content-length"]], [
      206,
      "bytes 9500-9999/10000",
      "500",
    ]);
    assertEquals(pieces, [{ start: 9500, end: 10_000 }]);
  });

  it("says how long the file is for a 416", () => {
    assertEquals(ask({ range: "bytes=10000-" }).headers, { "content-range": "bytes */10000" });
    assertEquals(ask({ range: "bytes=0-" }, { size: 0 }).headers, { "content-range": "bytes */0" });
  });

  it("has several ranges as parts, in their order (section 14.6)", () => {
    const { status, headers, pieces } = ask({ range: "bytes=100-109,0-4" });
    assertEquals(status, 206);
    assertEquals(headers["content-type"], "multipart/byteranges; boundary=BOUNDARY");
    assertEquals(headers["content-range"], undefined);
    const text = pieces.map((piece) =>
      "start" in piece
        ? `<${piece.start}-${piece.end}>`.padEnd(piece.end - piece.start, ".")
        : latin1(piece)
    ).join("");
    assertEquals(
      text,
      "\r\n--BOUNDARY\r\nContent-Type: text/plain\r\nContent-Range: bytes 100-109/10000\r\n\r\n" +
        "<100-110>." +
        "\r\n--BOUNDARY\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-4/10000\r\n\r\n" +
        "<0-5>" +
        "\r\n--BOUNDARY--\r\n",
    );
    assertEquals(headers["content-length"], String(text.length));
    assertEquals(lengthOf(pieces), text.length);
  });

  it("has one range of several as a range, if the others are behind the end", () => {
    const { headers } = ask({ range: "bytes=0-4,20000-" });
    assertEquals(headers["content-range"], "bytes 0-4/10000");
  });
});

const RANGES: [field: string, ranges: string][] = [
  ["bytes=0-499", "0-500"],
  ["bytes=500-", "500-1000"],
  ["bytes=-1", "999-1000"],
  ["bytes=-5000", "0-1000"],
  ["bytes=999-", "999-1000"],
  ["bytes=0-99999999999999999999999", "0-1000"],
  ["Bytes= 0-0 ", "0-1"],
  ["bytes=0-0,-1", "0-1 999-1000"],
  ["bytes=5-9, , 0-4", "5-10 0-5"],
  ["bytes=1000-", "unsatisfiable"],
  ["bytes=-0", "unsatisfiable"],
  ["bytes=2000-3000,-0", "unsatisfiable"],
  ["bytes=99999999999999999999999-", "unsatisfiable"],
  ["bytes=0-5,5-9", "whole"],
  ["bytes=0-,0-,0-", "whole"],
  [`bytes=${Array.from({ length: 17 }, (_, i) => `${i * 10}-${i * 10}`).join()}`, "whole"],
  ["bytes=", "whole"],
  ["bytes=-", "whole"],
  ["bytes=5", "whole"],
  ["bytes=5-4", "whole"],
  ["bytes=a-b", "whole"],
  ["bytes=0-1,x", "whole"],
  ["bytes=0x0-0x1", "whole"],
  ["bytes=-1-2", "whole"],
  ["bytes=+1-2", "whole"],
  ["bytes 0-1", "whole"],
  ["lines=0-1", "whole"],
  ["", "whole"],
];

describe("parseRange", () => {
  const inShort = (field: string, size = 1000) => {
    const ranges = parseRange(field, size);
    if (ranges === undefined) return "whole";
    return typeof ranges === "string"
      ? ranges
      : ranges.map(({ start, end }) => `${start}-${end}`).join(" ");
  };

  for (const [field, ranges] of RANGES) {
    it(`of ${JSON.stringify(field.slice(0, 40))} in 1000 bytes is ${ranges}`, () => {
      assertEquals(inShort(field), ranges);
    });
  }

  it("of an empty file cannot be named: unsatisfiable, or all there is", () => {
    const fields = ["bytes=0-", "bytes=0-0", "bytes=-0", "bytes=-5"];
    assertEquals(fields.map((field) => inShort(field, 0)), [
      ...Array(3).fill("unsatisfiable"),
      "whole",
    ]);
  });

  it("is always within the file, not empty, and without an overlap", () => {
    for (let seed = 1; seed <= 3000; seed++) {
      const random = new Random(seed);
      const size = random.below(50);
      let field = "bytes=";
      for (let i = random.below(5); i >= 0; i--) {
        field += `${random.pick(["", String(random.below(60))])}-${
          random.pick(["", String(random.below(60))])
        },`;
      }
      const ranges = parseRange(field, size);
      if (!Array.isArray(ranges)) continue;
      let total = 0;
      for (const { start, end } of ranges) {
        assert(start >= 0 && start < end && end <= size, `${field} in ${size}`);
        total += end - start;
      }
      assert(ranges.length > 0 && total <= size, `${field} in ${size}`);
    }
  });
});

describe("parseHttpDate", () => {
  it("reads the three forms (RFC 9110, section 5.6.7)", () => {
    const forms = [DATE, "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"];
    assertEquals(forms.map((form) => parseHttpDate(form, NOW)), [784111777, 784111777, 784111777]);
  });

  it("takes two digits for a year of at most 50 years ahead", () => {
    const year = (digits: string, now: string) =>
      new Date(parseHttpDate(`Sunday, 06-Nov-${digits} 08:49:37 GMT`, Date.parse(now))! * 1000)
        .getUTCFullYear();
    assertEquals([year("94", "2026-01-01"), year("76", "2026-01-01"), year("77", "2026-01-01")], [
      1994,
      2076,
      1977,
    ]);
  });

  it("reads nothing else", () => {
    const others = [
      "",
      "Sun, 6 Nov 1994 08:49:37 GMT",
      "Sun, 06 Nov 1994 08:49:37",
      "Sun, 06 Nov 1994 08:49:37 CET",
      "Sun, 06 Nov 1994 8:49:37 GMT",
      "Sun, 32 Nov 1994 08:49:37 GMT",
      "Sun, 06 Nov 1994 28:49:37 GMT",
      "1994-11-06T08:49:37Z",
      "06 Nov 1994 08:49:37 GMT",
      `${DATE}, ${DATE}`,
    ];
    assertEquals(others.map((text) => parseHttpDate(text, NOW)), others.map(() => undefined));
  });

  it("reads what is written", () => {
    for (let seed = 1; seed <= 500; seed++) {
      const seconds = new Random(seed).below(4_000_000_000);
      assertEquals(parseHttpDate(formatHttpDate(seconds), NOW), seconds);
    }
  });
});

describe("fileType", () => {
  const types: Record<string, string> = {
    "index.html": "text/html; charset=utf-8",
    "INDEX.HTM": "text/html; charset=utf-8",
    "/a.b/app.js": "text/javascript; charset=utf-8",
    "app.mjs": "text/javascript; charset=utf-8",
    "app.js.map": "application/json",
    "style.css": "text/css; charset=utf-8",
    "photo.JPEG": "image/jpeg",
    "icon.svg": "image/svg+xml",
    "favicon.ico": "image/vnd.microsoft.icon",
    "font.woff2": "font/woff2",
    "module.wasm": "application/wasm",
    "page.php": "application/octet-stream",
    "archive.tar.gz": "application/gzip",
    "Makefile": "application/octet-stream",
    "/a.png/b": "application/octet-stream",
    ".png": "application/octet-stream",
    "/.well-known/.html": "application/octet-stream",
    "x.": "application/octet-stream",
    "x.__proto__": "application/octet-stream",
    "x.constructor": "application/octet-stream",
  };
  for (const [name, type] of Object.entries(types)) {
    it(`of ${name} is ${type}`, () => assertEquals(fileType(name), type));
  }
});
