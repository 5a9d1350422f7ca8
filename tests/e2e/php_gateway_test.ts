/**
 * A site of PHP scripts and files behind the gateway, beside nginx with Debian's own
 * `fastcgi-php.conf` in front of the same php-fpm: what a client sees is the same.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { assert, assertEquals, assertMatch, assertNotEquals } from "../_assert.ts";
import { afterAll, beforeAll, describe, it } from "../_harness.ts";
import { waitUntil } from "../_runtime.ts";
import { BesideNginx, FRONTS, skipFront, skipNginx } from "./_beside_nginx.ts";
import { Hash, hashOf, parts } from "./_content.ts";
import { bytesOf, HttpConnection, type HttpRequest } from "./_http_client.ts";
import { PhpFpm, phpLocation, skipPhp } from "./_php_fpm.ts";
import { downloadHash, type Echo, inputOf } from "./_php_scripts.ts";

const MEGABYTE = 1024 * 1024;
/** What only the web server can say of itself, and PHP of the time. */
const OWN_PARAMS = new Set([
  ...["SERVER_SOFTWARE", "SERVER_PORT", "SERVER_NAME", "REMOTE_PORT"],
  ...["REQUEST_TIME", "REQUEST_TIME_FLOAT", "FCGI_ROLE"],
  // nginx has them twice.
  ...["HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH"],
  // The chunks are gathered, in nginx too.
  "HTTP_TRANSFER_ENCODING",
  // nginx takes a name from Basic that nobody has looked at.
  "REMOTE_USER",
  // nginx leaves out the first, and the second is what `try_files` has made of it.
  ...["PATH_TRANSLATED", "DOCUMENT_URI"],
]);

const skip = skipPhp || skipNginx;
describe("gateway and php-fpm", { skip, timeout: 30_000 }, () => {
  let php: PhpFpm;

  beforeAll(async () => {
    php = await PhpFpm.start();
  });
  afterAll(async () => {
    await php?.[Symbol.asyncDispose]();
  });

  for (const front of FRONTS) {
    // The same name on each runtime.
    const what = front === "serveGateway" ? front : "a server for fetch handlers";
    const options = { skip: front !== "serveGateway" && skipFront };
    describe(`scripts and files, ${what}`, options, () => {
      let site: BesideNginx;
      const [upload, download] = front === "serveGateway"
        ? [20 * MEGABYTE, 50 * MEGABYTE]
        : [5 * MEGABYTE, 5 * MEGABYTE];

      beforeAll(async () => {
        await writeFile(join(php.root, "ü.php"), "<?php echo $_SERVER['SCRIPT_FILENAME'];");
        await writeFile(join(php.root, "ü.txt"), "An umlaut\n");
        await writeFile(join(php.root, "picture.png"), "\x89PNG <?php echo 'run'; ?>");
        site = await BesideNginx.start(
          `root ${php.root};
      index index.php index.html;
      location / { try_files $uri $uri/ =404; }
      ${phpLocation(php.socket)}`,
          { to: { path: php.socket }, root: php.root },
          front,
        );
      });
      afterAll(async () => {
        await site?.[Symbol.asyncDispose]();
      });

      /** Asks both for `echo.php`, and fails unless PHP was given the same. */
      async function sameEcho(target: string, request: HttpRequest | (() => HttpRequest) = {}) {
        const { gateway, nginx } = await site.both(target, request);
        const [got, expected] = [gateway, nginx].map(({ status, text }): Echo => {
          assertEquals(status, 200, text);
          const echo: Echo = JSON.parse(text);
          // nginx has an empty PATH_INFO where there is none.
          const params = Object.entries(echo.server).filter(([name, value]) =>
            !OWN_PARAMS.has(name) && (name !== "PATH_INFO" || value !== "")
          );
          return { ...echo, server: Object.fromEntries(params) };
        });
        assertEquals(got, expected, target);
        return got!;
      }

      it("tells PHP what nginx tells it", async () => {
        const headers: HttpRequest["headers"] = [
          ["Accept", "text/html, */*;q=0.1"],
          ["Cookie", "a=1; b=2"],
          ["X-Test", "yes"],
          ["Authorization", `Basic ${btoa("ada:engine")}`],
          ["Content-Type", "text/x-none"],
        ];
        const got = await sameEcho("/echo.php?a=1&b=%C3%BC&c[]=x", { headers });
        const { server } = got;
        assertEquals([server.PHP_AUTH_USER, server.PHP_AUTH_PW], ["ada", "engine"]);
        assertEquals(server.SCRIPT_FILENAME, join(php.root, "echo.php"));
        assertEquals(server.DOCUMENT_ROOT, php.root);
        assertEquals(got.cookie, { a: "1", b: "2" });
      });

      it("splits a path behind the script as nginx does", async () => {
        for (
          const target of [
            "/echo.php/",
            "/echo.php/page",
            "/echo.php/a%20b/c?x=/y.php",
            "/echo.php/%C3%BC/%E4",
            "/echo.php/x.php/y",
            "/echo.php/a%2Fb",
            "/echo.php?page=/x.php/y",
            "//echo.php/x",
            "/%65cho.php/x",
          ]
        ) {
          await sameEcho(target);
        }
        const { server } = await sameEcho("/echo.php/doku/page");
        assertEquals(
          [server.SCRIPT_NAME, server.PATH_INFO, server.PHP_SELF],
          ["/echo.php", "/doku/page", "/echo.php/doku/page"],
        );
      });

      it("finds scripts, files and folders where nginx finds them", async () => {
        for (
          const target of [
            "/",
            "/index.php",
            "/?x=1",
            "/sub/page.php",
            "/%C3%BC.php",
            "/none.php",
            "/none",
            "/sub/none/",
            "/none.php/x",
            "/picture.png/x.php",
            "/style.css/x.php",
            "/style.css/",
          ]
        ) {
          const { gateway, nginx } = await site.both(target);
          const what = (
            { status, text }: { status: number; text: string },
          ) => [status, status === 200 ? text : ""];
          assertEquals(what(gateway), what(nginx), target);
          assert(!gateway.text.includes("<?php"), gateway.text);
        }
        assertEquals((await site.ask("/%C3%BC.php")).text, join(php.root, "ü.php"));
      });

      it("gives out files as nginx does", async () => {
        for (
          const target of ["/style.css", "/%C3%BC.txt", "/picture.png", "/sub/", "/style.css?v=2"]
        ) {
          for (const method of ["GET", "HEAD"]) {
            const { gateway, nginx } = await site.both(target, { method });
            for (const name of ["content-length", "last-modified", "accept-ranges"]) {
              assertEquals(gateway.all(name), nginx.all(name), `${target}, ${name}`);
            }
            // nginx says no charset.
            const type = (answer: typeof nginx) => answer.all("content-type")[0]?.split(";")[0];
            assertEquals(type(gateway), type(nginx), target);
            assertEquals([gateway.status, gateway.text], [nginx.status, nginx.text], target);
            assertEquals(gateway.all("etag").length, 1, target);
          }
        }
      });

      it("gives out parts of files, and none that the client has, as nginx does", async () => {
        const { gateway: { headers }, nginx } = await site.both("/style.css");
        const of = (name: string, list = headers) => list.find(([other]) => other === name)![1];
        const modified = of("last-modified");
        for (
          const [name, value, status] of [
            ["Range", "bytes=0-3", 206],
            ["Range", "bytes=-4", 206],
            ["Range", "bytes=5-", 206],
            ["Range", "bytes=999-", 416],
            ["Range", "lines=1-2", 200],
            ["If-Modified-Since", modified, 304],
            ["If-Modified-Since", "Thu, 01 Jan 1970 00:00:00 GMT", 200],
          ] as const
        ) {
          const answers = await site.both("/style.css", { headers: [[name, value]] });
          const { gateway } = answers;
          assertEquals(
            [gateway.status, answers.nginx.status],
            [status, status],
            `${name}: ${value}`,
          );
          const range = "content-range";
          assertEquals(gateway.all(range), answers.nginx.all(range), value);
          if (status < 300) assertEquals(gateway.text, answers.nginx.text);
        }
        const known = await site.ask("/style.css", { headers: [["If-None-Match", of("etag")]] });
        assertEquals([known.status, known.text], [304, ""]);
        const other = await site.ask("/style.css", {
          headers: [["If-None-Match", `${of("etag", nginx.headers)}-other"`]],
        });
        assertEquals(other.status, 200);
      });

      it("sends to the folder who asks for it without its slash", async () => {
        for (const [target, location] of [["/sub", "/sub/"], ["/sub?x=%C3%BC", "/sub/?x=%C3%BC"]]) {
          const { gateway, nginx } = await site.both(target!);
          assertEquals([gateway.status, nginx.status], [301, 301]);
          const path = (answer: typeof nginx) => {
            const { pathname, search } = new URL(answer.all("location")[0]!, "http://example.org/");
            return pathname + search;
          };
          assertEquals([path(gateway), path(nginx)], [location, location]);
        }
      });

      it("passes on every status, redirects and cookies", async () => {
        for (
          const status of [200, 201, 203, 206, 400, 401, 403, 404, 410, 418, 422, 429, 500, 503]
        ) {
          const answer = await site.same(`/answer.php?status=${status}&body=text`);
          assertEquals(answer.status, status);
        }
        for (const status of [204, 304]) {
          const answer = await site.same(`/answer.php?status=${status}`);
          assertEquals([answer.status, answer.text], [status, ""]);
        }
        const location = (to: string) => `header[]=${encodeURIComponent(`Location: ${to}`)}`;
        for (
          const [query, status] of [
            [location("/answer.php?x=1"), 302],
            [location("http://example.net/%C3%BC"), 302],
            [`${location("next")}&status=303`, 303],
            [`${location("/a")}&status=301&body=Moved`, 301],
            [`${location("/a")}&status=201&body=Made`, 201],
            [`${location("/a")}&status=307`, 307],
          ] as const
        ) {
          assertEquals((await site.same(`/answer.php?${query}`)).status, status);
        }
        const { headers } = await site.same("/answer.php?cookies=3&body=x");
        assertEquals(headers.filter(([name]) => name === "set-cookie").length, 3);
      });

      it("passes on header fields as they are: bytes, doubles, empty ones", async () => {
        const fields = [
          "X-Umlaut: ü",
          "X-Twice: 1",
          "X-Twice: 2",
          "X-Empty:",
          "Content-Type: text/plain; charset=iso-8859-1",
          'WWW-Authenticate: Basic realm="a"',
          "Content-Disposition: attachment; filename*=UTF-8''%C3%BC.txt",
          "Cache-Control: no-store",
          "Link: </style.css>; rel=preload",
        ].map((field) => `header[]=${encodeURIComponent(field)}`);
        await site.same(`/answer.php?${fields.join("&")}&status=401&body=x`);
      });

      it("answers HEAD as nginx does, and says no length that the script did not say", async () => {
        for (
          const target of [
            "/answer.php?body=text",
            "/answer.php?body=text&header[]=Content-Length:%204",
            `/download.php?bytes=${download}&length`,
            "/answer.php?status=404",
            "/none.php",
          ]
        ) {
          const { gateway, nginx } = await site.both(target, { method: "HEAD" });
          assertEquals([gateway.status, gateway.text], [nginx.status, ""], target);
          if (target === "/none.php") continue;
          const length = "content-length";
          assertEquals(gateway.all(length), nginx.all(length), target);
        }
      });

      it("gives each method and its body to the script", async () => {
        for (const method of ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"]) {
          const { server, input } = await sameEcho("/echo.php", {
            method,
            headers: [["Content-Type", "application/json"]],
            body: bytesOf('{"a":1}'),
          });
          assertEquals([server.REQUEST_METHOD, input.length], [method, 7]);
        }
        const { post } = await sameEcho("/echo.php", {
          method: "POST",
          headers: [["Content-Type", "application/x-www-form-urlencoded"]],
          body: bytesOf("name=J%C3%BCrgen+%26+Co&x[]=1"),
        });
        assertEquals(post.name, "Jürgen & Co");
        await sameEcho("/echo.php", { method: "POST", length: 0 });
      });

      it(`gets an upload of ${upload / MEGABYTE} MB through, with a length and in chunks`, async () => {
        for (const length of [upload, undefined]) {
          const echo = await sameEcho("/echo.php", () => ({
            method: "PUT",
            body: parts(upload),
            ...length === undefined ? {} : { length },
          }));
          assertEquals(echo.server.CONTENT_LENGTH, String(upload));
          assertEquals(inputOf(echo), hashOf(upload));
        }
      });

      it(`gets a form with a file of ${upload / MEGABYTE} MB through, with a length and in chunks`, async () => {
        const boundary = "a-boundary-of-the-tests";
        const head = bytesOf(
          `--${boundary}\r\nContent-Disposition: form-data; name="text"\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n` +
            `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="Bild \xc3\xbc.png"` +
            "\r\nContent-Type: image/png\r\n\r\n",
        );
        const tail = bytesOf(`\r\n--${boundary}--\r\n`);
        async function* body() {
          yield head;
          yield* parts(upload);
          yield tail;
        }
        for (const length of [head.length + upload + tail.length, undefined]) {
          const { post, files: { file } } = await sameEcho("/echo.php", () => ({
            method: "POST",
            headers: [["Content-Type", `multipart/form-data; boundary=${boundary}`]],
            body: body(),
            ...length === undefined ? {} : { length },
          }));
          assertEquals([post.text, file!.name, file!.type], ["Grüße", "Bild ü.png", "image/png"]);
          assertEquals(`${file!.size} bytes, ${file!.sha256}`, hashOf(upload));
        }
      });

      it("answers a client that waits for 100 Continue", async () => {
        await using connection = await HttpConnection.open(site.gatewayPort);
        let isAsked = false;
        const sent = connection.send({
          method: "POST",
          target: "/echo.php",
          headers: [["Expect", "100-continue"]],
          body: async function* () {
            const head = await connection.head();
            isAsked = head.status === 100;
            yield bytesOf("body");
          }(),
          length: 4,
        });
        await sent;
        assert(isAsked, "The body went out without a 100");
        assertEquals((await connection.head()).status, 200);
      });

      it(`passes on ${download / MEGABYTE} MB, with a length and without`, async () => {
        const expected = downloadHash(download);
        for (const query of [`bytes=${download}`, `bytes=${download}&length`]) {
          const { gateway, nginx } = await site.both(`/download.php?${query}`);
          for (const { status, body, isComplete } of [gateway, nginx]) {
            const hash = new Hash();
            hash.add(body);
            assertEquals([status, isComplete, String(hash)], [200, true, expected]);
          }
          if (site.ownsLength) continue;
          assertEquals(gateway.all("content-length"), nginx.all("content-length"));
        }
      });

      it("passes on what flush() sends at once", async () => {
        const id = crypto.randomUUID();
        await using connection = await HttpConnection.open(site.gatewayPort);
        await connection.send({ target: `/stream.php?id=${id}` });
        await connection.head();
        let text = "";
        for (let line = 1; line <= 3; line++) {
          while (!text.endsWith(`line ${line}\n`)) {
            text += new TextDecoder().decode((await connection.read())!);
          }
          // The script waits for this: a line that is held back would be waited for in vain.
          await php.mark(`${id}.${line}`);
        }
        assertEquals(await connection.read(), null);
        assert(connection.isComplete);
      });

      it("has a script see that its client has gone, by a close and by a reset", async () => {
        for (const how of ["close", "reset"] as const) {
          const id = crypto.randomUUID();
          const connection = await HttpConnection.open(site.gatewayPort);
          await connection.send({ target: `/aborted.php?id=${id}` });
          await connection.head();
          await connection.read();
          connection[how]();
          await php.marked(`${id}.aborted`);
        }
        assertEquals(site.errors, []);
      });

      it("keeps a session: PHP's cookie there and back", async () => {
        const first = await site.ask("/session.php");
        const cookie = first.all("set-cookie")[0]!.split(";")[0]!;
        assertMatch(cookie, /^PHPSESSID=/);
        const headers: HttpRequest["headers"] = [["Cookie", cookie]];
        const texts = [first.text];
        for (let i = 0; i < 3; i++) texts.push((await site.ask("/session.php", { headers })).text);
        assertEquals(texts, ["1", "2", "3", "4"]);
        // The session is one, whoever is in front.
        const { gateway, nginx } = await site.both("/session.php", { headers });
        assertEquals([nginx.text, gateway.text], ["5", "6"]);
        const { text } = await site.ask("/session.php?end", { headers });
        assertEquals([text, (await site.ask("/session.php", { headers })).text], ["7", "1"]);
      });

      it("passes on what PHP has compressed", async () => {
        const headers: HttpRequest["headers"] = [["Accept-Encoding", "gzip"]];
        const answer = await site.same("/zipped.php", { headers });
        assertEquals(answer.all("content-encoding"), ["gzip"]);
        assertEquals((await site.same("/zipped.php")).text.length, 20_000);
      });

      it("says in its log what nginx says in its own, and 500 without a page of PHP's", async () => {
        for (const how of ["log", "warning", "exception", "exit"]) {
          await site.same(`/fault.php?how=${how}`);
        }
        const nginx = await site.errorLog();
        for (
          const said of [
            /A line for the log: ü/,
            /First of two/,
            /Second of two/,
            /PHP Warning: {2}Undefined variable \$undefined/,
            /Uncaught RuntimeException: Nobody catches this/,
          ]
        ) {
          assertMatch(nginx, said);
          assertMatch(site.stderr.join("\n"), said);
        }
        assertEquals(site.errors, []);
      });

      it("ends an answer that fails late as nginx does", async () => {
        const { gateway, nginx } = await site.both("/fault.php?how=late");
        assertEquals([gateway.status, gateway.body.length], [nginx.status, nginx.body.length]);
      });

      it("answers 502 where a worker is killed, and goes on", async () => {
        const { gateway, nginx } = await site.both("/fault.php?how=killed");
        assertEquals([gateway.status, nginx.status], [502, 502]);
        await waitUntil(() => site.errors.length > 0);
        assertEquals((site.errors.splice(0)[0] as { code?: string }).code, "connection_lost");
        assertEquals((await site.ask("/answer.php?body=on")).text, "on");
      });

      it("keeps the client's Proxy header from PHP", async () => {
        const { text } = await site.ask("/echo.php", {
          headers: [["Proxy", "http://evil.example/"]],
        });
        assertEquals((JSON.parse(text) as Echo).server.HTTP_PROXY, undefined);
      });
    });
  }

  describe("front controller", () => {
    let site: BesideNginx;

    beforeAll(async () => {
      const root = join(php.root, "front");
      site = await BesideNginx.start(
        `root ${root};
      index index.php;
      location / { try_files $uri $uri/ /index.php$is_args$args; }
      ${phpLocation(php.socket)}`,
        { to: { path: php.socket }, root, try: ["$uri", "$uri/", "/index.php"] },
      );
    });
    afterAll(async () => {
      await site?.[Symbol.asyncDispose]();
    });

    it("gets every path that is no file, as it came", async () => {
      for (
        const target of [
          "/",
          "/a/b",
          "/a%20b/%C3%BC?x=1&y=%2F",
          "/a//b/",
          "/none.css",
          "/index.php",
          "/index.php/wp-json/x",
        ]
      ) {
        const { text } = await site.same(target);
        assertEquals(JSON.parse(text).uri, target);
      }
      const { text } = await site.same("/a/b?x=1");
      assertNotEquals(JSON.parse(text).get, {});
    });

    it("does not get what is a file, and gets what is a script that is not there", async () => {
      assertEquals((await site.ask("/file.txt")).text, "Beside the front controller\n");
      // As Apache's rules for WordPress have it; in nginx there are two locations, and it is 404.
      assertEquals(JSON.parse((await site.ask("/none.php?x=1")).text).uri, "/none.php?x=1");
    });
  });
});
