/** What holds for any parameters and any response, shown with many random ones. */
import { assert, assertEquals } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { CgiParams } from "../../src/cgi/params.ts";
import { splitPath } from "../../src/cgi/split_path.ts";
import { remoteAddress } from "../../src/cgi/remote_addr.ts";
import { createRequest } from "../../src/cgi/request.ts";
import { requestHeaders } from "../../src/cgi/request_headers.ts";
import { responseHead } from "../../src/cgi/response_head.ts";
import { paramsOf } from "./_captures.ts";
import { Random } from "../_bytes.ts";
import { randomParams } from "./_random_params.ts";

const ROUNDS = 1500;

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

  it("takes the hosts that a URL takes, and no others", () => {
    const parts = [
      ...["xn--", "XN--", "xn--a", "xn--maana-pta", "xn--80ak6aa92e", "--", "-", ".", "..", "_"],
      ...["a", "b.c", "localhost", "%", "~", "*", "0x", "0", "08", "1.2.3", "256", "4294967296"],
      ...[":", ":80", ":443", ":65535", ":65536", ":99999", "[", "]", "[::1]", "::", "1:2"],
    ];
    const answers = { taken: 0, refused: 0 };
    forSeeds((random) => {
      let host = random.below(3) === 0 ? random.pick(["xn--", "a.xn--", "[::"]) : "";
      for (let i = 1 + random.below(4); i > 0; i--) {
        host += random.below(4) === 0 ? random.text(3, "ab1.:-+$") : random.pick(parts);
      }
      const form = random.pick(["Host", "absolute form", "SERVER_NAME"]);
      // There a path or a query begins with these.
      if (form === "absolute form") host = host.replace(/[/?]/g, "");
      const request = createRequest(
        paramsOf({
          REQUEST_METHOD: "GET",
          ...form === "Host"
            ? { HTTP_HOST: host, REQUEST_URI: "/x?y" }
            : form === "absolute form"
            ? { HTTP_HOST: "h", REQUEST_URI: `http://${host}/x?y` }
            : { SERVER_NAME: host, SERVER_PORT: "80", REQUEST_URI: "/x?y" },
        }),
        null,
      );
      const what = `${form} ${JSON.stringify(host)}`;
      if (request instanceof Request) {
        answers.taken++;
        assert(URL.canParse(request.url), what);
        const { href, pathname, search } = new URL(request.url);
        assertEquals([request.url, pathname, search], [href, "/x", "?y"], what);
      } else {
        answers.refused++;
        assertEquals(request.status, 400, what);
        // One that a URL takes is refused only if it could be more than a host, or another one.
        if (/^[\w.~-]+(?::\d{0,5})?$/.test(host)) assert(!URL.canParse(`http://${host}`), what);
      }
    });
    assert(answers.taken > 100 && answers.refused > 100, JSON.stringify(answers));
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

  it("has the headers that append would make of their lines, in every copy of it", () => {
    const VALUES = [
      "",
      "a",
      " b",
      "c\t",
      "\t \td ",
      "e\x80\xff",
      "f\0",
      "g\nh",
      "\ri",
      "\r\n",
      "j k",
    ];
    const NAMES = ["HTTP_X_A", "HTTP_X_B", "HTTP_COOKIE", "HTTP_HOST", "HTTP_ACCEPT", "HTTP_X-A"];
    forSeeds((random) => {
      const params = new CgiParams();
      params.append("REQUEST_METHOD", "GET");
      params.append("SERVER_NAME", "h");
      for (let i = random.below(12); i > 0; i--) {
        params.append(random.pick(NAMES), random.pick(VALUES));
      }
      const request = createRequest(params, null);
      if (!(request instanceof Request)) return;
      const expected = new Headers();
      for (const [name, value] of requestHeaders(params, "GET")) {
        try {
          expected.append(name, value);
        } catch {
          // Left out.
        }
      }
      for (const copy of [request.clone(), new Request(request), request]) {
        assertEquals([...copy.headers], [...expected]);
        for (const [name] of expected) assertEquals(copy.headers.get(name), expected.get(name));
      }
      request.headers.append("x-a", "later");
      expected.append("x-a", "later");
      assertEquals([...request.headers], [...expected]);
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
      for (let i = random.below(6); i > 0; i--) {
        const name = random.below(3) === 0 ? random.text(4, "ab-:\r\n ") : random.pick(names);
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

/**
 * How web servers make `SCRIPT_NAME` and `PATH_INFO` of a raw path, in small. `mount` is where the
 * administrator has put the application; `null` stands for a request that does not get there.
 */
type PathModel = (raw: string, mount: string) => Record<string, string> | null;

const nginxPath = (raw: string): string => resolve(mergeSlashes(decode(raw)));

const PATH_MODELS: Record<string, PathModel> = {
  "nginx": (raw) => ({ SCRIPT_NAME: nginxPath(raw) }),
  "nginx, fastcgi_split_path_info": (raw, mount) => split(nginxPath(raw), mount),
  "nginx, fixed SCRIPT_NAME": (_, mount) => ({ SCRIPT_NAME: mount }),
  "flup's nginx recipe": (raw, mount) => {
    const parts = split(nginxPath(raw), mount);
    return parts && { ...parts, PATH_INFO: parts.PATH_INFO.slice(1) };
  },
  "lighttpd /": (raw) => {
    const path = nginxPath(raw);
    const end = path.indexOf("/", 1);
    return lighttpd(end < 0 ? path : path.slice(0, end), end < 0 ? "" : path.slice(end));
  },
  "lighttpd /, fix-root-scriptname": (raw) => lighttpd("", nginxPath(raw)),
  "lighttpd /app": (raw, mount) => {
    const parts = split(nginxPath(raw), mount);
    return parts && lighttpd(parts.SCRIPT_NAME, parts.PATH_INFO);
  },
  "Apache, ProxyPass": (raw) => ({ SCRIPT_NAME: nginxPath(raw) }),
  "Apache, ProxyFCGISetEnvIf": (raw, mount) =>
    raw.startsWith(`${mount}/`) ? { SCRIPT_NAME: mount, PATH_INFO: raw.slice(mount.length) } : null,
  "mod_fcgid /": (raw) => ({ SCRIPT_NAME: "", PATH_INFO: nginxPath(raw), CONTEXT_PREFIX: "" }),
  "mod_fcgid /app": (raw, mount) => {
    const parts = split(nginxPath(raw), mount);
    return parts && { ...parts, CONTEXT_PREFIX: mount };
  },
  "Caddy": (raw) => ({ SCRIPT_NAME: "", PATH_INFO: decode(raw) }),
  "Caddy, split": (raw, mount) =>
    split(decode(raw), mount) ?? { SCRIPT_NAME: decode(raw), PATH_INFO: "" },
  "Caddy, handle_path": (raw, mount) => {
    const parts = split(decode(raw), mount);
    return parts && { SCRIPT_NAME: "", PATH_INFO: parts.PATH_INFO };
  },
  "Caddy, php_fastcgi": () => ({ SCRIPT_NAME: "/index.php", PATH_INFO: "" }),
  "HAProxy": (raw) => ({ SCRIPT_NAME: decode(raw) }),
  "HAProxy, path-info": (raw, mount) => split(decode(raw), mount),
  "h2o": (raw) => ({ SCRIPT_NAME: "", PATH_INFO: resolve(decode(raw)) }),
  "a rewrite": () => ({ SCRIPT_NAME: "/elsewhere", PATH_INFO: "/x" }),
};

/** Those whose parameters tell the mount point, whatever the path. */
const TELLING = [
  "nginx, fastcgi_split_path_info",
  "nginx, fixed SCRIPT_NAME",
  "lighttpd /app",
  "mod_fcgid /app",
  "HAProxy, path-info",
  "Caddy, split",
];

function split(path: string, mount: string): Record<"SCRIPT_NAME" | "PATH_INFO", string> | null {
  if (!`${path}/`.startsWith(`${mount}/`)) return null;
  return { SCRIPT_NAME: mount, PATH_INFO: path.slice(mount.length) };
}

function lighttpd(script: string, info: string): Record<string, string> {
  const params = { SCRIPT_NAME: script, SERVER_SOFTWARE: "lighttpd/1.4.69" };
  return info === "" ? params : { ...params, PATH_INFO: info };
}

function mergeSlashes(path: string): string {
  return path.replace(/\/+/g, "/");
}

/** RFC 3986, section 5.2.4, as it stands there. */
function resolve(path: string): string {
  let [input, output] = [path, ""];
  while (input !== "") {
    if (/^\/\.(\/|$)/.test(input)) input = `/${input.slice(3)}`;
    else if (/^\/\.\.(\/|$)/.test(input)) {
      input = `/${input.slice(4)}`;
      output = output.replace(/\/[^/]*$/, "");
    } else {
      const [segment] = /^\/?[^/]*/.exec(input)!;
      output += segment;
      input = input.slice(segment.length);
    }
  }
  return output;
}

describe("splitPath: with random paths, as each web server sends them", () => {
  const mount = "/app";
  for (const [name, model] of Object.entries(PATH_MODELS)) {
    it(`is the path that was asked for: ${name}`, () => {
      let [made, told] = [0, 0];
      forSeeds((random) => {
        const start = random.pick([
          "/",
          "/app",
          "/app/",
          "/%61pp/",
          "//app/",
          "/apple",
          "/app/../app",
        ]);
        const raw = start + random.text(10, "/ab%2F.e/é%C3%A9").replace(/[?#]|[^\0-\xff]/g, "");
        const given = model(raw, mount);
        if (given === null) return;
        made++;
        const path = resolve(decode(raw));
        const params = new CgiParams();
        for (const pair of Object.entries({ ...given, REQUEST_URI: `${raw}?q` })) {
          params.append(...pair);
        }
        for (const basePath of [undefined, "/", mount]) {
          const { scriptName, pathInfo } = splitPath(params, basePath);
          assertEquals(bytesOf(scriptName + pathInfo), bytesOf(utf8(path)), raw);
          const isBelow = `${path}/`.startsWith(`${mount}/`);
          const isTold = TELLING.includes(name) && given.SCRIPT_NAME === mount &&
            // Looked for by a server that resolves dots, and not left by any of them.
            isBelow && `${resolve(mergeSlashes(decode(raw)))}/`.startsWith(`${mount}/`);
          if (basePath === "/") assertEquals(scriptName, "", raw);
          else if (basePath === mount) assertEquals(scriptName, isBelow ? mount : "", raw);
          else if (isTold) {
            told++;
            // With a fixed SCRIPT_NAME, `/app` itself looks like stock nginx, which tells nothing.
            const isMute = name === "nginx, fixed SCRIPT_NAME" && path === mount;
            assertEquals(scriptName, isMute ? "" : mount, raw);
          }
        }
      });
      assert(made > ROUNDS / 10, `${made} made`);
      assertEquals(told > ROUNDS / 20, TELLING.includes(name), `${told} told`);
    });
  }
});

/** Bytes as UTF-8, if they are. */
function utf8(text: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
      .decode(Uint8Array.from(text, (unit) => unit.charCodeAt(0)));
  } catch {
    return text;
  }
}

/** A path in bytes, whether each of its two parts was read as UTF-8 or not. */
function bytesOf(text: string): string {
  return text.replace(
    /[^\0-\x7f]/gu,
    (character) =>
      Array.from(new TextEncoder().encode(character), (byte) => String.fromCharCode(byte)).join(""),
  );
}
