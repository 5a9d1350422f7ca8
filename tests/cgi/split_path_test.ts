import { assertEquals } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { splitPath } from "../../src/cgi/split_path.ts";
import { captured, paramsOf, type Server } from "./_captures.ts";

/** `[scriptName, pathInfo]`. */
function split(params: Record<string, string>, basePath?: string): [string, string] {
  const { scriptName, pathInfo } = splitPath(paramsOf(params), basePath);
  return [scriptName, pathInfo];
}

function splitCapture(server: Server, name: string, basePath?: string): [string, string] {
  const { scriptName, pathInfo } = splitPath(captured(server, name), basePath);
  return [scriptName, pathInfo];
}

describe("splitPath: as web servers send it", () => {
  const rows: [Server, string, string, string][] = [
    // Stock parameters: the whole path is SCRIPT_NAME, and nothing is said of a mount point.
    ["nginx", "get-encoded", "", "/app/hello wörld/a/b"],
    ["nginx", "get-root", "", "/"],
    ["nginx", "get-app-slash", "", "/app/"],
    ["nginx", "get-dots", "", "//double//x"],
    ["nginx", "get-enc-dots", "", "/app/c"],
    ["nginx", "absolute-form", "", "/app/x"],
    ["apache", "get-app", "", "/app"],
    ["apache", "get-lower-enc", "", "/app/ä~user/A~b!$&'()*+,;=:@"],
    ["apache", "absolute-form", "", "/app/x"],
    ["haproxy", "get-encoded", "", "/app/hello wörld/a/b"],
    ["haproxy", "get-pct00", "", "/app/a\0b"],
    // Split by the server, as its manual says.
    ["nginx", "split-get-app", "/app", ""],
    ["nginx", "split-get-app-slash", "/app", "/"],
    ["nginx", "split-get-encoded", "/app", "/hello wörld/a/b"],
    ["nginx", "split-get-enc-dots", "/app", "/c"],
    ["nginx", "split-get-root", "", "/"],
    ["nginx", "split-get-dots", "", "//double//x"],
    ["nginx", "phpsplit-get-php", "/app/index.php", "/extra/path"],
    ["lighttpd", "app-get-app", "/app", ""],
    ["lighttpd", "app-get-app-slash", "/app", "/"],
    ["lighttpd", "app-get-encoded", "/app", "/hello wörld/a/b"],
    ["lighttpd", "appslash-get-app-slash", "/app", "/"],
    ["lighttpd", "fixroot-get-root", "", "/"],
    ["lighttpd", "fixroot-get-encoded", "", "/app/hello wörld/a/b"],
    ["lighttpd", "php-get-php", "/app/index.php", "/extra/path"],
    ["mod_fcgid", "get-app", "/app", ""],
    ["mod_fcgid", "get-app-slash", "/app", "/"],
    ["mod_fcgid", "get-app-dots", "/app", "//double//x/y"],
    ["mod_fcgid", "root-get-app", "", "/app"],
    ["mod_fcgid", "root-get-root", "", "/"],
    ["haproxy", "split-get-encoded", "/app", "/hello wörld/a/b"],
    ["haproxy", "php-get-php", "/app/index.php", "/extra/path"],
    // Dots that HAProxy leaves in PATH_INFO.
    ["haproxy", "split-get-enc-dots", "/app", "/c"],
    // The ProxyFCGISetEnvIf recipe: PATH_INFO is not decoded.
    ["apache", "pathinfo-get-app", "/app", ""],
    ["apache", "pathinfo-get-encoded", "/app", "/hello wörld/a/b"],
    ["apache", "pathinfo-get-enc-dots", "/app", "/c"],
    // Split where the file system says.
    // But not if the mount point is not how the path begins.
    ["apache", "sethandler-get-dots", "", "//double//x"],
    ["apache", "sethandler-get-php", "/app/index.php", "/extra/path"],
    // Rewritten: REQUEST_URI is what was asked for.
    ["apache", "sethandler-get-root", "", "/"],
    ["lighttpd", "rewrite-get-encoded", "", "/app/hello wörld/a/b"],
    ["nginx", "x-accel-redirect.1", "", "/app/x"],
    // lighttpd's root bug: the first segment is taken for the mount point. basePath says better.
    ["lighttpd", "get-root", "", "/"],
    ["lighttpd", "get-encoded", "/app", "/hello wörld/a/b"],
    ["lighttpd", "get-app", "/app", ""],
    // No PATH_INFO where an empty one is meant, and no way to know: basePath says better.
    ["haproxy", "split-get-app", "", "/app"],
    // Authorizers get neither.
    ["lighttpd", "authorizer-get-encoded", "", "/app/hello wörld/a/b"],
  ];
  for (const [server, name, scriptName, pathInfo] of rows) {
    it(`${server} ${name}`, () => {
      assertEquals(splitCapture(server, name), [scriptName, pathInfo]);
    });
  }
});

describe("splitPath: basePath", () => {
  const base = (uri: string, basePath: string) => split({ REQUEST_URI: uri }, basePath);

  it("splits at a segment border only", () => {
    assertEquals(base("/app/x", "/app"), ["/app", "/x"]);
    assertEquals(base("/app", "/app"), ["/app", ""]);
    assertEquals(base("/app/", "/app"), ["/app", "/"]);
    assertEquals(base("/app?x", "/app"), ["/app", ""]);
    assertEquals(base("/application", "/app"), ["", "/application"]);
    assertEquals(base("/other/app", "/app"), ["", "/other/app"]);
    assertEquals(base("/App/x", "/app"), ["", "/App/x"]);
  });

  it("may be written with or without slashes around it", () => {
    for (const written of ["/app", "app", "/app/", "app//"]) {
      assertEquals(base("/app/x", written), ["/app", "/x"]);
    }
    for (const root of ["", "/"]) assertEquals(base("/app/x", root), ["", "/app/x"]);
  });

  it("is Unicode, and compared with the decoded path", () => {
    assertEquals(base("/w%C3%B6rld/a%2Fb", "/wörld"), ["/wörld", "/a/b"]);
    assertEquals(base("/my%20app/x", "/my app"), ["/my app", "/x"]);
  });

  it("beats what the web server says", () => {
    assertEquals(splitCapture("lighttpd", "get-encoded", "/"), ["", "/app/hello wörld/a/b"]);
    assertEquals(splitCapture("nginx", "get-encoded", "/app"), ["/app", "/hello wörld/a/b"]);
    assertEquals(splitCapture("haproxy", "split-get-app", "/app"), ["/app", ""]);
    assertEquals(splitCapture("nginx", "split-get-encoded", "/other"), [
      "",
      "/app/hello wörld/a/b",
    ]);
  });

  it("cannot be left by dots, encoded or not", () => {
    assertEquals(base("/app/../x", "/app"), ["", "/x"]);
    assertEquals(base("/app/%2e%2e/x", "/app"), ["", "/x"]);
    assertEquals(base("/app%2F..%2Fx", "/app"), ["", "/x"]);
    assertEquals(base("/app/a/..", "/app"), ["/app", "/"]);
    assertEquals(base("/../../app/./x/.", "/app"), ["/app", "/x/"]);
  });
});

describe("splitPath: parameters that do not agree", () => {
  it("is all pathInfo if nothing is known", () => {
    assertEquals(split({ REQUEST_URI: "/a/b?c" }), ["", "/a/b"]);
    assertEquals(split({}), ["", "/"]);
    assertEquals(split({ REQUEST_URI: "*" }), ["", "/"]);
    assertEquals(split({ SCRIPT_NAME: "", REQUEST_URI: "/a" }), ["", "/a"]);
  });

  it("comes from SCRIPT_NAME and PATH_INFO without a REQUEST_URI", () => {
    assertEquals(split({ SCRIPT_NAME: "/app", PATH_INFO: "/x" }), ["/app", "/x"]);
    assertEquals(split({ SCRIPT_NAME: "/app" }), ["", "/app"]);
    assertEquals(split({ PATH_INFO: "/x" }), ["", "/x"]);
  });

  it("takes a SCRIPT_NAME alone for the mount point if the path goes on below it", () => {
    assertEquals(split({ SCRIPT_NAME: "/app", REQUEST_URI: "/app/x" }), ["/app", "/x"]);
    assertEquals(split({ SCRIPT_NAME: "/app", REQUEST_URI: "/apple" }), ["", "/apple"]);
  });

  it("believes a server that saw one slash where there are several, before it looked for dots", () => {
    // nginx: `a` is what `..` goes back over; in a URL it is the empty segment.
    const parts = { SCRIPT_NAME: "/app", PATH_INFO: "/b" };
    assertEquals(split({ ...parts, REQUEST_URI: "/app/a//../b" }), ["/app", "/a/b"]);
  });

  it("finds a prefix that the web server took away", () => {
    const stripped = { SCRIPT_NAME: "", PATH_INFO: "/x", REQUEST_URI: "/app/x" };
    assertEquals(split(stripped), ["/app", "/x"]);
    assertEquals(split({ ...stripped, REQUEST_URI: "/app/xx" }), ["", "/app/xx"]);
  });

  it("takes a PATH_INFO without its slash, as flup's recipe for nginx makes it", () => {
    const mounted = (rest: string) => ({
      SCRIPT_NAME: "/app",
      PATH_INFO: rest,
      REQUEST_URI: `/app/${rest}`,
    });
    assertEquals(split(mounted("x/y")), ["/app", "/x/y"]);
    assertEquals(split(mounted("")), ["/app", "/"]);
  });

  it("does not believe a PATH_INFO of something else", () => {
    const rewritten = { SCRIPT_NAME: "/index.php", PATH_INFO: "", REQUEST_URI: "/a/b" };
    assertEquals(split(rewritten), ["", "/a/b"]);
    assertEquals(split({ ...rewritten, PATH_INFO: "/c" }), ["", "/a/b"]);
  });

  it("takes the folder of a script for the mount point, if the path goes on below it", () => {
    const front = { SCRIPT_NAME: "/sub/app.fcgi.ts", PATH_INFO: "/a/b", REQUEST_URI: "/sub/a/b" };
    assertEquals(split(front), ["/sub", "/a/b"]);
    assertEquals(split({ ...front, REQUEST_URI: "/sub/%61/c/..//b?c" }), ["/sub", "/a//b"]);
    assertEquals(split({ ...front, PATH_INFO: "a/b" }), ["/sub", "/a/b"]);
    assertEquals(split({ ...front, SCRIPT_NAME: "/sub/index.php" }), ["/sub", "/a/b"]);
    const deep = { SCRIPT_NAME: "/x/y/app.mjs", PATH_INFO: "/", REQUEST_URI: "/x/y/" };
    assertEquals(split(deep), ["/x/y", "/"]);
    // At the root there is none.
    assertEquals(split({ ...front, SCRIPT_NAME: "/app.fcgi.ts", REQUEST_URI: "/a/b" }), [
      "",
      "/a/b",
    ]);
    // One that is no file is a mount point of its own, or nothing that is known here.
    assertEquals(split({ ...front, SCRIPT_NAME: "/sub/app" }), ["", "/sub/a/b"]);
    assertEquals(split({ ...front, PATH_INFO: "/b" }), ["", "/sub/a/b"]);
    assertEquals(split({ ...front, PATH_INFO: "" }), ["", "/sub/a/b"]);
    assertEquals(split({ ...front, REQUEST_URI: "/subway/a/b" }), ["", "/subway/a/b"]);
    assertEquals(split({ ...front, REQUEST_URI: "/sub/../a/b" }), ["", "/a/b"]);
  });

  it("stays Latin-1 where a path is no UTF-8", () => {
    assertEquals(split({ REQUEST_URI: "/w%F6rld/%C3%A4" }), ["", "/w\xf6rld/\xc3\xa4"]);
    assertEquals(split({ REQUEST_URI: "/%EF%BB%BFx" }), ["", "/\ufeffx"]);
  });
});
