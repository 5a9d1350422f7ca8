/** Where requests go, by files in memory. */
import { decodePath } from "../../src/cgi/decode_path.ts";
import { DocumentRoot } from "../../src/client/gateway/document_root.ts";
import { type GatewayOptions, readOptions } from "../../src/client/gateway/options.ts";
import { type Route, route } from "../../src/client/gateway/route.ts";
import { assert, assertEquals, assertThrows } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { Random } from "../_bytes.ts";
import { type MemoryFile, memoryFiles } from "./_memory_files.ts";

const TREE: Record<string, MemoryFile> = {
  "/srv/www/index.php": "<?php",
  "/srv/www/x.php": "<?php",
  "/srv/www/style.css": "css",
  "/srv/www/about.html": "html",
  "/srv/www/dir/index.html": "html",
  "/srv/www/app/index.php": "<?php",
  "/srv/www/upload/evil.jpg": "<?php",
  "/srv/www/empty/note.txt": "note",
  "/srv/www/folder.php/index.php": "<?php",
  "/srv/www/folder.php/y.php": "<?php",
  "/srv/www/ünï.txt": "text",
  "/srv/www/.env": "secret",
  "/srv/www/.git/config": "secret",
  "/srv/www/.git/x.php": "secret",
  "/srv/www/.well-known/security.txt": "text",
  "/srv/www/.well-known/.secret": "secret",
  "/srv/www/config.php.bak": "secret",
  "/srv/www/config.php~": "secret",
  "/srv/www/#config.php#": "secret",
  "/srv/www/X.PHP": "secret",
  "/srv/www/lib.inc": "secret",
  "/srv/www/tool.phar": "secret",
  "/srv/www/tool.phar.gz": "secret",
  "/srv/www/page.phtml": "secret",
  "/srv/www/page.phps": "secret",
  "/srv/www/php.css": "css",
  "/srv/www/include.txt": "text",
  "/srv/www/out.txt": { link: "/srv/secret.txt" },
  "/srv/www/out": { link: ".." },
  "/srv/www/out.php": { link: "../secret.php" },
  "/srv/www/in.txt": { link: "empty/note.txt" },
  "/srv/www/source.txt": { link: "x.php" },
  "/srv/www/loop": { link: "loop" },
  "/srv/www/closed.txt": { error: "EACCES" },
  "/srv/www/broken.txt": { error: "EIO" },
  "/srv/www-other/file.txt": "secret",
  "/srv/secret.txt": "secret",
  "/srv/secret.php": "secret",
  "/etc/passwd": "secret",
};

const TO = { port: 9000 };
const PHP = { to: TO, root: "/srv/www" };
const FRONT = { ...PHP, try: ["$uri", "$uri/", "/index.php"] };
const PYTHON = { to: TO, root: "/srv/www", scriptName: "" };

/** Where a target goes. */
function go(target: string, options: GatewayOptions): Route {
  const [pathname, args = ""] = target.split("?") as [string, string?];
  const { layout, root } = readOptions(options, memoryFiles(TREE));
  const look = root?.view() ?? (() => undefined);
  return route(decodePath(pathname), args, layout, look);
}

/** It in short: a path and a word. */
function way(target: string, options: GatewayOptions): string {
  const found = go(target, options);
  switch (found.kind) {
    case "script":
      return `run ${found.script}${found.pathInfo && ` with ${found.pathInfo}`}` +
        (found.query === undefined ? "" : ` and ${found.query}`);
    case "application":
      return `ask ${found.scriptName} ${found.pathInfo}`;
    case "file":
      return `send ${found.file.realPath}`;
    case "redirect":
      return `go to ${found.path}`;
    case "status":
      return String(found.status);
  }
}

const WAYS: [name: string, options: GatewayOptions, ways: Record<string, string>][] = [
  ["PHP", PHP, {
    "/": "run /index.php",
    "/x.php": "run /x.php",
    "/x.php/": "run /x.php with /",
    "/x.php/y/z": "run /x.php with /y/z",
    "/x.php/y.php": "run /x.php with /y.php",
    "/x.php%2fy": "run /x.php with /y",
    "/x.php/../style.css": "send /srv/www/style.css",
    "/upload/evil.jpg": "send /srv/www/upload/evil.jpg",
    "/upload/evil.jpg/x.php": "404",
    "/upload/evil.jpg/.php": "404",
    "/upload/evil.jpg%00.php": "404",
    "/none.php": "404",
    "/none.php/x.php": "404",
    "/.php": "404",
    "/style.css": "send /srv/www/style.css",
    "/style.css/": "404",
    "/style.css/x": "404",
    "/none": "404",
    "/dir": "go to /dir/",
    "/dir/": "send /srv/www/dir/index.html",
    "/app": "go to /app/",
    "/app/": "run /app/index.php",
    "//app": "go to /app/",
    "/%61pp?x": "go to /app/",
    "/empty": "404",
    "/empty/": "404",
    "/folder.php": "go to /folder.php/",
    "/folder.php/": "run /folder.php/index.php",
    "/folder.php/y.php/z": "run /folder.php/y.php with /z",
    "/folder.php/none.php": "404",
    "/%C3%BCn%C3%AF.txt": "send /srv/www/ünï.txt",
    "/%FCn%EF.txt": "404",
    "/%FF": "404",
    "/php.css": "send /srv/www/php.css",
    "/include.txt": "send /srv/www/include.txt",
  }],
  ["a front controller", FRONT, {
    "/": "run /index.php",
    "/none?a=1": "run /index.php",
    "/wiki/Talk:Main": "run /index.php",
    "/none.php": "run /index.php",
    "/empty/": "run /index.php",
    "/empty": "run /index.php",
    "/.env": "run /index.php",
    "/style.css": "send /srv/www/style.css",
    "/x.php/y": "run /x.php with /y",
    "/dir": "go to /dir/",
  }],
  ["other things to try", { ...PHP, try: ["$uri", "$uri.html", "/index.php$uri?q=$uri&$args"] }, {
    "/about": "send /srv/www/about.html",
    "/style.css": "send /srv/www/style.css",
    "/%C3%BC/b?c=$uri": "run /index.php with /\xc3\xbc/b and q=/%C3%BC/b&c=$uri",
    "/": "run /index.php with / and q=/&",
  }],
  ["a status to end with", { ...PHP, try: ["$uri", "=403"] }, {
    "/none": "403",
    "/x.php": "run /x.php",
  }],
  ["a query of nginx's", { ...PHP, try: ["/index.php$is_args$args"] }, {
    "/none?a": "run /index.php",
  }],
  ["a file to end with", { ...PHP, try: ["$uri", "/about.html"] }, {
    "/none": "send /srv/www/about.html",
  }],
  ["an application of Python", PYTHON, {
    "/": "ask  /",
    "/x.php/y": "ask  /x.php/y",
    "/none/": "ask  /none/",
    "/style.css": "send /srv/www/style.css",
    "/dir": "go to /dir/",
    "/dir/": "send /srv/www/dir/index.html",
    "/app/": "ask  /app/",
    "/.env": "ask  /.env",
    "/%FF": "ask  /\xff",
    "/a%2f..%2fb": "ask  /b",
  }],
  ["one below a path", { ...PYTHON, scriptName: "app/" }, {
    "/app": "ask /app ",
    "/app/": "ask /app /",
    "/app/x": "ask /app /x",
    "/apple": "404",
    "/": "404",
    "/style.css": "send /srv/www/style.css",
  }],
  ["one below a path of other letters", { to: TO, scriptName: "/ü" }, {
    "/%C3%BC/x": "ask /\xc3\xbc /x",
    "/%FC/x": "404",
  }],
  ["an application without files", { to: TO, scriptName: "" }, { "/style.css": "ask  /style.css" }],
  ["nothing but an address", { to: TO }, { "/x.php/y": "ask undefined undefined" }],
  ["scripts of another kind", { to: TO, root: "/srv/www", split: [".jpg", ".css"] }, {
    "/upload/evil.jpg/x": "run /upload/evil.jpg with /x",
    "/style.css": "run /style.css",
    "/x.php": "404",
    "/about.html": "send /srv/www/about.html",
  }],
  ["files alone", { to: TO, root: "/srv/www", split: [] }, {
    "/x.php": "404",
    "/dir/": "send /srv/www/dir/index.html",
  }],
  ["another index", { ...PHP, index: ["none.html", "note.txt"] }, {
    "/empty/": "send /srv/www/empty/note.txt",
    "/": "404",
  }],
];

const SECRETS = [
  ..."/.env /.git/config /.git/x.php /.well-known/.secret /config.php.bak /config.php~".split(" "),
  ..."/%23config.php%23 /X.PHP /X.PHP/y /lib.inc /tool.phar /tool.phar.gz /page.phtml".split(" "),
  ..."/page.phps /out.txt /out /out/ /out/secret.txt /out/www-other/file.txt /out.php".split(" "),
  ..."/out.php/x /source.txt /loop /..%2fsecret.txt /..%2f..%2fetc%2fpasswd".split(" "),
  ..."/..%5c..%5cetc%5cpasswd /%2e%2e/www-other/file.txt /%2eenv /.%65nv /dir/..%2f.env".split(" "),
  ..."/x.php~ /.x.php.swp /style.css%00.txt /../www-other/file.txt /..;/.env".split(" "),
];

describe("route", () => {
  for (const [name, options, ways] of WAYS) {
    for (const [target, expected] of Object.entries(ways)) {
      it(`of ${target} with ${name} is: ${expected}`, () => {
        assertEquals(way(target, options), expected);
      });
    }
  }

  for (const secret of SECRETS) {
    it(`of ${secret} leads to no file`, () => {
      assertEquals(way(secret, PHP), "404");
    });
  }

  it("leads to what is meant for the web among dot files, and through links inside", () => {
    const security = "/.well-known/security.txt";
    assertEquals(way(security, PHP), `send /srv/www${security}`);
    assertEquals(way("/in.txt", PHP), "send /srv/www/empty/note.txt");
  });

  it("leads out of the root through links, if that is asked for, but to no source", () => {
    const options = { ...PHP, followSymlinks: true };
    assertEquals(way("/out.txt", options), "send /srv/secret.txt");
    assertEquals(way("/out/secret.txt", options), "send /srv/secret.txt");
    assertEquals(way("/out.php", options), "run /out.php");
    assertEquals(way("/source.txt", options), "404");
    assertEquals(way("/..%2fsecret.txt", options), "404");
  });

  it("says what must not be read, and passes on what else goes wrong", () => {
    const closed = assertThrows(() => way("/closed.txt", PHP));
    assertEquals((closed as { status?: number }).status, 403);
    const broken = assertThrows(() => way("/broken.txt", PHP));
    assertEquals((broken as { code?: string }).code, "EIO");
  });

  it("rejects without a root, and with a file as one", () => {
    for (const root of ["/srv/none", "/srv/secret.txt", "/"]) {
      const options = { to: TO, root };
      if (root === "/") assertEquals(way("/etc/passwd", options), "send /etc/passwd");
      else assertThrows(() => way("/x", options), Error, `${root} is no directory`);
    }
  });

  it("looks no further than there is something, however long a path is", () => {
    const files = memoryFiles(TREE);
    const { layout, root } = readOptions(PHP, files);
    route("/x.php".repeat(1) + "/a.php".repeat(500), "", layout, root!.view());
    route("/none.php".repeat(500), "", layout, root!.view());
    route("/upload/evil.jpg" + "/a.php".repeat(500), "", layout, root!.view());
    assert(files.looks.length < 20, String(files.looks.length));
  });
});

describe("route, with random paths", () => {
  const PIECES = [
    ...[
      "/",
      "/",
      "/",
      "..",
      ".",
      "%2e%2e",
      "%2f",
      "%5c",
      "\\",
      "%00",
      "%",
      "%25",
      "%c0%ae",
      "~",
      ";",
    ],
    ...["x.php", "index.php", ".php", ".env", ".git", "config", "upload", "evil.jpg", "folder.php"],
    ...["out", "out.txt", "out.php", "in.txt", "source.txt", "loop", "secret.txt", "www-other"],
    ...["srv", "etc", "passwd", "style.css", "dir", "empty", "note.txt", "X.PHP", "%C3%BC", "%FF"],
    ...["config.php.bak", "lib.inc", ".well-known", "security.txt", "file.txt", "a", "$uri"],
  ];
  const OPEN = ["css", "html", "note", "text", "<?php"];

  for (
    const [name, options] of [["PHP", PHP], ["a front controller", FRONT], [
      "Python",
      PYTHON,
    ]] as const
  ) {
    it(`leads to nothing that is secret, for ${name}`, () => {
      const files = memoryFiles(TREE);
      const { layout, root } = readOptions(options, files);
      const seen = new Set<string>();
      for (let seed = 1; seed <= 6000; seed++) {
        const random = new Random(seed);
        let path = "/";
        for (let i = 1 + random.below(7); i > 0; i--) path += random.pick(PIECES);
        const found = route(decodePath(path), "", layout, root!.view());
        seen.add(found.kind);
        if (found.kind === "file") {
          const { realPath } = found.file;
          const content = TREE[realPath];
          assert(realPath.startsWith("/srv/www/"), `${path}: ${realPath}`);
          assert(OPEN.includes(content as string), `${path}: ${realPath}`);
          assert(content !== "<?php" || realPath === "/srv/www/upload/evil.jpg", realPath);
        } else if (found.kind === "script") {
          assertEquals(TREE[`/srv/www${found.script}`], "<?php", path);
          assert(found.script.endsWith(".php"), path);
          assert(/^(?:\/|$)/.test(found.pathInfo), path);
        } else if (found.kind === "redirect") {
          assert(/^\/(?!\/|\\)[\w.%/-]*\/$/.test(found.path), found.path);
        } else if (found.kind === "application") {
          assert(!found.pathInfo!.split("/").includes(".."), found.pathInfo);
        }
      }
      assert(seen.size >= 3, [...seen].join());
    });
  }
});

describe("gateway options", () => {
  const wrong: [Partial<GatewayOptions>, string][] = [
    [
      { try: ["index.php"] },
      `Cannot try "index.php": it begins neither with $uri nor with a slash`,
    ],
    [{ try: ["$uri", "$urix"] }, `Cannot try "$urix"`],
    [{ try: ["/index.php?$arg"] }, "$arg is not known there, but $uri, $args, $query_string"],
    [{ try: ["/$args"] }, "$args is not known there, but $uri"],
    [{ try: ["/../x"] }, "it has a dot segment"],
    [{ try: ["=999"] }, `Cannot try "=999"`],
    [{ split: "" }, `Cannot split a path at ""`],
    [{ index: "../x" }, "Cannot take"],
    [{ root: undefined, split: ".php" }, "Cannot take the option split without a root"],
    [{ root: undefined, followSymlinks: false }, "Cannot take the option followSymlinks"],
    [{ trustedProxies: ["10.0.0.0/33"] }, `Cannot trust the proxy "10.0.0.0/33"`],
    [{ trustedProxies: ["localhost"] }, `Cannot trust the proxy "localhost"`],
  ];
  for (const [options, message] of wrong) {
    it(`refuse ${JSON.stringify(options)}`, () => {
      assertThrows(
        () => readOptions({ ...PHP, ...options }, memoryFiles(TREE)),
        TypeError,
        message,
      );
    });
  }

  it("make the root absolute", () => {
    const { root } = readOptions({ to: TO, root: "srv/www/" }, memoryFiles(TREE));
    assert(root instanceof DocumentRoot);
    assertEquals(root.path, "/srv/www");
  });
});
