/**
 * The same HTTP request through every web server and configuration that was captured becomes the
 * same `Request`, but for the differences of one table.
 */
import { assert, assertEquals } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { splitPath } from "../../src/cgi/split_path.ts";
import { remoteAddress } from "../../src/cgi/remote_addr.ts";
import { createRequest } from "../../src/cgi/request.ts";
import { type Capture, capturesOf, caseOf, paramsOf, type Server, SERVERS } from "./_captures.ts";
import { DIFFERENCES } from "./_differences.ts";
import { type Change, CURL, REQUESTS, type Seen } from "./_requests.ts";

/** Bun makes a GET of a method it does not know; it is answered 501 instead. */
const KNOWS_METHODS = new Request("http://localhost/", { method: "FROB" }).method === "FROB";

const ALL: readonly (readonly [Server, Capture])[] = SERVERS.flatMap((server) =>
  [...capturesOf(server).values()].map((capture) => [server, capture] as const)
);

/** What the client sent. */
function sent(capture: Capture): Seen | number {
  const { request, config } = capture;
  const headers = { ...CURL };
  // "(HTTP/2) https://localhost:8311/app/x"
  let [url] = /https:\/\/localhost:\S+/.exec(request) ?? [];
  if (url === undefined) {
    url = `${config === "https" ? "https" : "http"}://localhost${request.split(" ")[1]}`;
  } else {
    headers.host = new URL(url).host;
  }
  return changed({ method: "GET", url, headers, body: "" }, REQUESTS[caseOf(capture)]);
}

function changed(seen: Seen, { status, headers, ...change }: Change): Seen | number {
  if (status !== undefined) return status;
  const result = { ...seen, ...change, headers: { ...seen.headers } };
  for (const [name, value] of Object.entries(headers ?? {})) {
    if (value === null) delete result.headers[name];
    else result.headers[name] = value;
  }
  return result;
}

/** The changes that a row of the table makes to a capture. */
function changesOf(row: typeof DIFFERENCES[number], server: Server, capture: Capture): Change[] {
  const { config } = capture;
  const places = [config === undefined ? server : `${server}/${config}`, `${server}/*`];
  return row.shows
    .filter(([where]) => where.some((place) => places.includes(place)))
    .flatMap(([, requests]) => [requests["*"], requests[caseOf(capture)]])
    .filter((change) => change !== undefined);
}

/** What a handler should see of a capture. */
function expected(server: Server, capture: Capture): Seen | number {
  let seen = sent(capture);
  if (caseOf(capture) === "method-custom" && !KNOWS_METHODS) return 501;
  for (const row of DIFFERENCES) {
    for (const change of changesOf(row, server, capture)) {
      if (typeof seen !== "number") seen = changed(seen, change);
    }
  }
  if (typeof seen === "number") return seen;
  const words: Record<string, string> = {
    "{remoteAddr}": capture.config === "ipv6" ? "::1" : "127.0.0.1",
    "{scheme}": new URL(seen.url).protocol.slice(0, -1),
    "{host}": seen.headers.host ?? "",
  };
  for (const [name, value] of Object.entries(seen.headers)) {
    seen.headers[name] = words[value] ?? value;
  }
  return seen;
}

/** What a handler sees of a capture. */
async function actual({ params, stdin = "" }: Capture): Promise<Seen | number> {
  const body = Uint8Array.from(stdin, (unit) => unit.charCodeAt(0));
  const request = createRequest(paramsOf(params), body);
  if (!(request instanceof Request)) return request.status;
  const { method, url, headers } = request;
  return { method, url, headers: Object.fromEntries(headers), body: await request.text() };
}

describe("createRequest: the same request through every web server", () => {
  for (const name of Object.keys(REQUESTS)) {
    const captures = ALL.filter(([, capture]) => caseOf(capture) === name);
    it(`${name} (${captures.length} times)`, async () => {
      assert(captures.length > 0);
      for (const [server, capture] of captures) {
        const what = `${server} ${capture.name}`;
        assertEquals(await actual(capture), expected(server, capture), what);
      }
    });
  }

  it("is checked for every capture there is", () => {
    assertEquals(ALL.filter(([, capture]) => REQUESTS[caseOf(capture)] === undefined), []);
  });

  it("makes URLs that no parser changes any more", () => {
    for (const [, { params }] of ALL) {
      const result = createRequest(paramsOf(params), null);
      if (result instanceof Request) assertEquals(new URL(result.url).href, result.url);
    }
  });
});

describe("DIFFERENCES", () => {
  for (const row of DIFFERENCES) {
    it(`${row.servers}: ${row.what}`, () => {
      for (const text of [row.what, row.why, row.remedy]) assert(/^[^|\n]*[^.|\n]$/.test(text));
      for (const [where, requests] of row.shows) {
        for (const place of where) {
          assert(
            ALL.some(([server, capture]) =>
              (place === `${server}/*` ||
                place === [server, capture.config ?? []].flat().join("/")) &&
              (requests["*"] !== undefined || requests[caseOf(capture)] !== undefined)
            ),
            `Nothing captured from ${place} shows it`,
          );
        }
        for (const name of Object.keys(requests)) {
          assert(name === "*" || REQUESTS[name] !== undefined, `No such request: ${name}`);
        }
      }
    });
  }

  it("are differences: every row changes each request it names", () => {
    for (const row of DIFFERENCES) {
      for (const [server, capture] of ALL) {
        const seen = sent(capture);
        for (const change of changesOf(row, server, capture)) {
          if (typeof seen === "number") continue;
          assert(
            JSON.stringify(changed(seen, change)) !== JSON.stringify(seen),
            `${row.what}: ${server} ${capture.name}`,
          );
        }
      }
    }
  });
});

describe("remoteAddress: through every web server", () => {
  it("is the client's address, and a port", () => {
    for (const [server, { name, config, params }] of ALL) {
      const { hostname, port } = remoteAddress(paramsOf(params));
      assertEquals(hostname, config === "ipv6" ? "::1" : "127.0.0.1", `${server} ${name}`);
      assert(port > 0, `${server} ${name}`);
    }
  });
});

/** Configurations whose parameters tell that the application is mounted at `/app`. */
const TELL_MOUNT = [
  "nginx/split",
  "lighttpd/app",
  "lighttpd/ifnotfile",
  "lighttpd/front",
  "apache/pathinfo",
  "mod_fcgid",
  "mod_fcgid/htaccess",
  "mod_fcgid/fallback",
  "mod_fcgid/twice",
  "caddy/split",
  "caddy/handlepath",
  "haproxy/split",
];
/** Those that split where they see a program, a directory or a first segment, mounted or not. */
const SPLIT_ELSEWHERE = [
  "nginx/phpsplit",
  "lighttpd",
  "lighttpd/https",
  "lighttpd/ipv6",
  "lighttpd/spawned",
  "lighttpd/stream1",
  "lighttpd/stream2",
  "lighttpd/appslash",
  "lighttpd/php",
  "apache/sethandler",
  "apache/php",
  "caddy/php",
  "haproxy/php",
];
/** Where a server that tells the mount point says something else, and `basePath` is needed. */
const TOLD_WRONG: Record<string, string> = {
  // No PATH_INFO where an empty one is meant.
  "haproxy split-get-app": "",
  // The script was asked for by its own name.
  "mod_fcgid htaccess-get-script": "/app/app.fcgi.ts",
  // `^(/app)(/.*)?$` does not match across a line end: all is SCRIPT_NAME.
  "nginx split-get-pctnl": "/app/a\r\nX-Y: z",
};

describe("splitPath: through every web server", () => {
  /** The path that was asked for: decoded, then without dot segments. */
  function asked(server: Server, capture: Capture): string | null {
    const seen = expected(server, capture);
    if (typeof seen === "number") return null;
    const decoded = latin1(new URL(seen.url).pathname);
    return utf8(decoded.replace(/\/[^/]+\/\.\.\//g, "/"));
  }

  for (const basePath of [undefined, "/", "/app", "/other"]) {
    it(`is the path that was asked for, with ${basePath ?? "no"} base path`, () => {
      for (const [server, capture] of ALL) {
        const path = asked(server, capture);
        if (path === null) continue;
        const { scriptName, pathInfo } = splitPath(paramsOf(capture.params), basePath);
        const what = `${server} ${capture.name}`;
        assertEquals(scriptName + pathInfo, path, what);
        if (basePath === undefined) continue;
        // With a base path it does not matter which server it was.
        const isBelow = basePath === "/app" && /^\/app(?:\/|$)/.test(path);
        assertEquals(scriptName, isBelow ? "/app" : "", what);
      }
    });
  }

  it("is split at the mount point by those who tell it, and whole from those who do not", () => {
    for (const [server, capture] of ALL) {
      const place = [server, capture.config ?? []].flat().join("/");
      const path = asked(server, capture);
      if (path === null || SPLIT_ELSEWHERE.includes(place)) continue;
      const { scriptName } = splitPath(paramsOf(capture.params));
      const isBelow = TELL_MOUNT.includes(place) && /^\/app(?:\/|$)/.test(path);
      const what = `${server} ${capture.name}`;
      assertEquals(scriptName, TOLD_WRONG[what] ?? (isBelow ? "/app" : ""), what);
    }
  });
});

/** Percent-encoding undone, to bytes. */
function latin1(path: string): string {
  return path.replace(/%([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
}

/** Bytes as UTF-8, if they are. */
function utf8(text: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
      .decode(Uint8Array.from(text, (unit) => unit.charCodeAt(0)));
  } catch {
    return text;
  }
}
