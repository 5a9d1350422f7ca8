/** What holds for any parameters and any response, shown with many random ones. */
import { assert, assertEquals, describe, it } from "../_harness.ts";
import { CgiParams } from "../../src/cgi/params.ts";
import { splitPath } from "../../src/cgi/paths.ts";
import { remoteAddress } from "../../src/cgi/remote_addr.ts";
import { createRequest } from "../../src/cgi/request.ts";
import { responseHead } from "../../src/cgi/response_head.ts";
import { Random } from "./_random.ts";

const ROUNDS = 1500;

const NAMES = [
  "REQUEST_METHOD",
  "REQUEST_URI",
  "REQUEST_SCHEME",
  "HTTPS",
  "SCRIPT_NAME",
  "PATH_INFO",
  "QUERY_STRING",
  "HTTP_HOST",
  "SERVER_NAME",
  "SERVER_PORT",
  "REMOTE_ADDR",
  "REMOTE_PORT",
  "CONTENT_TYPE",
  "CONTENT_LENGTH",
  "HTTP_COOKIE",
  "HTTP_CONNECTION",
  "HTTP_AUTHORIZATION",
  "HTTP_X",
  "Authorization",
  "__proto__",
];
const METHODS = ["GET", "POST", "HEAD", "PUT", "get", "PROPFIND", "TRACE", "FROB", "", "G T"];
const HOSTS = ["h", "example.org", "example.org:8443", "[::1]:80", "1.2.3.4", "h:", "a.b."];
const URIS = ["/", "//x", "/a/../b", "http://h/x", "*", "/?", "/#", "/%2e%2e/", "https://h:1"];
const TRICKY = "/:@?#\\[]%.\t\r\n\0 \"<>|^`'{}abc0159-_,;=&+!$*()~";

function randomParams(random: Random): CgiParams {
  const params = new CgiParams();
  // Mostly something that can be served, so that what comes after the first check is reached too.
  if (random.int(8) > 0) params.append("REQUEST_METHOD", random.pick(METHODS));
  if (random.int(3) > 0) params.append("HTTP_HOST", random.pick(HOSTS));
  if (random.int(3) > 0) params.append("REQUEST_URI", random.pick(URIS) + random.text(8, TRICKY));
  for (let i = random.int(10); i > 0; i--) {
    const name = random.int(4) === 0 ? `HTTP_${random.text(5, "AB_-.!:")}` : random.pick(NAMES);
    params.append(name, random.int(5) === 0 ? random.pick(HOSTS) : random.text(12, TRICKY));
  }
  return params;
}

/** Runs `check` with many seeds; a failure names its own. */
function forSeeds(check: (random: Random) => void): void {
  for (let seed = 1; seed <= ROUNDS; seed++) {
    try {
      check(new Random(seed));
    } catch (error) {
      throw new Error(`Seed ${seed}`, { cause: error });
    }
  }
}

describe("createRequest: with random parameters", () => {
  it("never throws: a Request, or a clean answer", () => {
    let requests = 0;
    forSeeds((random) => {
      const result = createRequest(randomParams(random), new Uint8Array(3));
      if (result instanceof Request) requests++;
      else assert([400, 501].includes(result.status) && /^[ -~]+$/.test(result.reason));
    });
    // Enough of both to mean something.
    assert(requests > ROUNDS / 5 && requests < ROUNDS * 4 / 5, `${requests} requests`);
  });

  it("never makes a URL of another host than the one that was checked", () => {
    forSeeds((random) => {
      const params = randomParams(random);
      const result = createRequest(params, null);
      if (!(result instanceof Request)) return;
      const url = new URL(result.url);
      assertEquals([url.username, url.password, url.hash], ["", "", ""]);
      assert(["http:", "https:"].includes(url.protocol));
      const absolute = /^https?:\/\/([^/?#]*)/i.exec(params.get("REQUEST_URI") ?? "");
      const host = absolute?.[1] || params.get("HTTP_HOST");
      if (host) assertEquals(url.host, new URL(`${url.protocol}//${host}`).host);
    });
  });

  it("never loses a byte of a path that comes in origin form", () => {
    forSeeds((random) => {
      // Dot segments aside, which the URL standard resolves, and what it encodes itself.
      const path = `/${random.text(12, "ab%\\\t\n\r\0\x7f:@").replace(/[.?#]/g, "")}`;
      const params = new CgiParams();
      params.append("REQUEST_METHOD", "GET");
      params.append("REQUEST_URI", path);
      const result = createRequest(params, null);
      assert(result instanceof Request);
      assertEquals(decode(new URL(result.url).pathname), decode(path));
    });
  });

  it("never gives a header that a client could not have sent", () => {
    forSeeds((random) => {
      const result = createRequest(randomParams(random), null);
      if (!(result instanceof Request)) return;
      for (const [name, value] of result.headers) {
        assert(!/^(connection|te|transfer-encoding|upgrade|proxy)$/.test(name), name);
        assert(!/[\0\r\n\u0100-\uffff]/.test(value), value);
      }
    });
  });
});

describe("splitPath: with random parameters", () => {
  it("never throws, and has no dot segment where a path was given", () => {
    forSeeds((random) => {
      const params = randomParams(random);
      const basePath = random.pick([undefined, "", "/", "/a", "b/"]);
      const { scriptName, pathInfo } = splitPath(params, basePath);
      assert(!/(^|\/)\.\.?(\/|$)/.test(scriptName + pathInfo), scriptName + pathInfo);
      assert(scriptName === "" || scriptName.startsWith("/"), scriptName);
    });
  });
});

describe("remoteAddress: with random parameters", () => {
  it("never throws, and its port is one", () => {
    forSeeds((random) => {
      const { port } = remoteAddress(randomParams(random));
      assert(Number.isInteger(port) && port >= 0 && port <= 65535);
    });
  });
});

describe("responseHead: with random responses", () => {
  const names = [
    "content-type",
    "content-length",
    "set-cookie",
    "connection",
    "location",
    "status",
  ];

  it("is lines of printable Latin-1, one blank line at the end, Status before it", () => {
    forSeeds((random) => {
      const headers: [string, string][] = [];
      for (let i = random.int(6); i > 0; i--) {
        const name = random.int(3) === 0 ? random.text(4, "ab-:\r\n ") : random.pick(names);
        headers.push([name, random.text(10, "ab \r\n\0:,€\u010a5")]);
      }
      // As another implementation of fetch would hand it over: nothing has been checked.
      const response = {
        status: random.pick([200, 204, 304, 299, 404, 500]),
        statusText: random.text(6, "a \r\n\u010a"),
        headers: {
          forEach: (visit: (value: string, name: string) => void) =>
            headers.forEach(([name, value]) => visit(value, name)),
        },
      } as unknown as Response;
      const method = random.pick(["GET", "HEAD"]);
      const contentLength = random.pick([undefined, 0, 13]);
      const head = responseHead(response, { method, contentLength });
      assert(typeof head === "string");
      assert(
        /^(?:[\w!#$%&'*+.^`|~-]+: [\t -~\x80-\xff]*\r\n)*Status: \d{3} [ -~\x80-\xff]+\r\n\r\n$/
          .test(head),
        JSON.stringify(head),
      );
      assert((head.match(/^content-length:/gim) ?? []).length <= 1);
    });
  });
});

/** Percent-encoding undone, to bytes. */
function decode(path: string): string {
  return path.replace(/%([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
}
