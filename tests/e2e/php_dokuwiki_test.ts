/**
 * A real PHP application behind the gateway, used as a person uses it, in a real browser: DokuWiki,
 * which has pages behind the script's name, sessions, uploads and scripts for styles and pictures.
 */
import { Buffer } from "node:buffer";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { assert, assertEquals, assertGreater, assertStringIncludes } from "../_assert.ts";
import { afterAll, beforeAll, describe, it } from "../_harness.ts";
import { runtime } from "../_runtime.ts";
import { BesideNginx, FRONTS, skipFront, skipNginx } from "./_beside_nginx.ts";
import { Browser, skipBrowser } from "./_browser.ts";
import { installDokuwiki, skipDokuwiki, USER } from "./_dokuwiki.ts";
import { bytesOf, type HttpRequest } from "./_http_client.ts";
import { PhpFpm, phpLocation, skipPhp } from "./_php_fpm.ts";

const TEXT = `====== Grüße aus Köln ======

Äpfel, Öl & Übermut kosten 3 €; „日本語“ <nowiki><b>kein Fett</b></nowiki>

{{:bild_ü.png|Ein Bild}}
`;

/** How many rules of style are in force. */
const RULES =
  "Array.from(document.styleSheets, (sheet) => sheet.cssRules.length).reduce((a, b) => a + b)";

/** A picture that cannot be made small, so that its upload is a megabyte. */
const PICTURE = `(() => {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [640, 480];
  const context = canvas.getContext("2d");
  const image = context.createImageData(640, 480);
  for (let i = 0, state = 1; i < image.data.length; i++) {
    state = Math.imul(state, 1103515245) + 12345 >>> 0;
    image.data[i] = i % 4 === 3 ? 255 : state >>> 24;
  }
  context.putImageData(image, 0, 0);
  context.fillStyle = "#fff";
  context.fillRect(120, 180, 400, 120);
  context.fillStyle = "#024";
  context.font = "64px sans-serif";
  context.fillText("Ein Bild", 200, 262);
  return canvas.toDataURL("image/png").split(",")[1];
})()`;

const skip = skipPhp || skipNginx || skipDokuwiki || skipFront;

/** What a script of the page asks for. */
const INDEX: HttpRequest = {
  method: "POST",
  headers: [["Content-Type", "application/x-www-form-urlencoded"]],
  body: bytesOf("call=index&idx=gr%C3%BC%C3%9Fe"),
};

/** A page without what is new in each: tokens against forgery, and the time. */
const page = (text: string): string =>
  text.replaceAll(/sectok["=][^>]*|\b\d{10}\b|<lastBuildDate>.*|<dc:date>.*/g, "");

describe(
  "gateway and DokuWiki",
  { skip, timeout: 60_000 },
  () => {
    let php: PhpFpm;
    let site: BesideNginx;
    let root: string;

    beforeAll(async () => {
      php = await PhpFpm.start();
      root = await installDokuwiki(php.directory);
      site = await BesideNginx.start(
        `root ${root};
      index index.php doku.php;
      location / { try_files $uri $uri/ =404; }
      ${phpLocation(php.socket)}`,
        { to: { path: php.socket }, root, index: ["index.php", "doku.php"] },
        FRONTS.at(-1),
      );
    });
    afterAll(async () => {
      await site?.[Symbol.asyncDispose]();
      await php?.[Symbol.asyncDispose]();
    });

    it("answers as behind nginx: pages, styles, scripts, pictures, feeds, and no pages", async () => {
      // What DokuWiki has made once it keeps apart for each port.
      const except = { headers: ["set-cookie", "etag", "last-modified"], page };
      for (
        const [target, status, request] of [
          ["/", 302],
          ["/doku.php", 200],
          ["/doku.php/start", 200],
          ["/doku.php/start", 200, { method: "HEAD" }],
          ["/doku.php/gr%C3%BC%C3%9Fe/none?do=login", 200],
          ["/doku.php/wiki/?do=index", 200],
          ["/doku.php/start?do=export_xhtml", 200],
          ["/lib/exe/css.php?t=dokuwiki", 200],
          ["/lib/exe/js.php?t=dokuwiki", 200],
          ["/lib/exe/jquery.php", 200],
          ["/lib/exe/fetch.php/none.png", 404],
          ["/lib/exe/ajax.php", 404],
          ["/lib/exe/ajax.php", 200, INDEX],
          ["/feed.php", 200],
        ] as [string, number, HttpRequest?][]
      ) {
        assertEquals((await site.same(target, request, except)).status, status, target);
      }
    });

    describe("in a browser", { skip: skipBrowser }, () => {
      let browser: Browser;
      let base: string;

      beforeAll(async () => {
        // nginx says an empty REMOTE_USER, and DokuWiki's feed takes it for granted.
        site.stderr.length = 0;
        browser = await Browser.start();
        base = `http://127.0.0.1:${site.gatewayPort}`;
      });
      afterAll(async () => {
        await browser?.[Symbol.asyncDispose]();
      });

      it("shows its start page, with styles and scripts", async () => {
        await browser.goto(`${base}/`);
        assertStringIncludes(await browser.text("body"), "Ein Wiki für Prüfungen");
        assertEquals(await browser.evaluate("typeof jQuery"), "function");
        assertGreater(await browser.evaluate<number>(RULES), 20);
        await browser.picture(`${runtime}-1-start`);
      });

      it("takes a login", async () => {
        await browser.follow("a[href*='do=login']");
        await browser.type("input[name=u]", USER.login);
        await browser.type("input[name=p]", "a wrong one");
        await browser.follow("#dw__login button[type=submit]");
        assertStringIncludes(await browser.text(".error"), "username or password was wrong");
        assertEquals(browser.faults.splice(0), [`403: ${base}/doku.php/start`]);
        await browser.type("input[name=u]", USER.login);
        await browser.type("input[name=p]", USER.password);
        await browser.follow("#dw__login button[type=submit]");
        assertStringIncludes(await browser.text(".user"), USER.name);
      });

      it("takes a picture", async () => {
        await browser.goto(`${base}/doku.php/start?do=media&ns=&tab_files=upload`);
        const picture = Buffer.from(await browser.evaluate<string>(PICTURE), "base64");
        assertGreater(picture.length, 800_000);
        const file = join(php.directory, "Bild Ü.png");
        await writeFile(file, picture);
        await browser.choose(".qq-upload-button input[type=file]", [file]);
        await browser.waitFor(
          "document.querySelector('.qq-upload-name-input, .qq-upload-list input')",
        );
        await browser.type(".qq-upload-name-input, .qq-upload-list input[type=text]", "bild_ü.png");
        await browser.click("#mediamanager__upload_button");
        await browser.waitFor("document.querySelector('.qq-upload-success')");
        const stored = await readFile(join(php.directory, "data/media/bild_%C3%BC.png"));
        assert(stored.equals(picture), "Another picture than was sent");
        await browser.picture(`${runtime}-2-upload`);
      });

      it("takes a page with umlauts, whose path is behind the script's name", async () => {
        await browser.goto(`${base}/doku.php/gr%C3%BC%C3%9Fe/k%C3%B6ln?do=edit`);
        await browser.type("#wiki__text", TEXT);
        await browser.type("#edit__summary", "Änderung");
        await browser.follow("#edbtn__save");
        assertEquals(await browser.text("#dokuwiki__content h1"), "Grüße aus Köln");
        const text = await browser.text("#dokuwiki__content");
        assertStringIncludes(text, "Äpfel, Öl & Übermut kosten 3 €; „日本語“ <b>kein Fett</b>");
        assertEquals(
          decodeURI(await browser.evaluate("location.pathname")),
          "/doku.php/grüße/köln",
        );
        await browser.waitFor("document.querySelector('#dokuwiki__content img.media')?.complete");
        assertEquals(
          await browser.evaluate(
            "document.querySelector('#dokuwiki__content img.media').naturalWidth",
          ),
          640,
        );
        await browser.picture(`${runtime}-3-page`);
      });

      it("shows the page to the next visit, in its history and its search", async () => {
        await browser.goto(`${base}/doku.php/gr%C3%BC%C3%9Fe/k%C3%B6ln`);
        assertEquals(await browser.text("#dokuwiki__content h1"), "Grüße aus Köln");
        await browser.goto(`${base}/doku.php/gr%C3%BC%C3%9Fe/k%C3%B6ln?do=revisions`);
        assertStringIncludes(await browser.text("#dokuwiki__content"), "Änderung");
        await browser.type("#qsearch__in", "köln");
        await browser.follow("#dw__search button[type=submit]");
        assertStringIncludes(await browser.text("#dokuwiki__content"), "grüße:köln");
        await browser.picture(`${runtime}-4-search`);
      });

      it("takes a change of its configuration, and a logout", async () => {
        await browser.goto(`${base}/doku.php/start?do=admin&page=config`);
        await browser.type("#config___title", "Das Wiki „Löwe“");
        await browser.follow(
          "#dw__configform button[type=submit], #config__manager button[name=submit]",
        );
        assertStringIncludes(await browser.text("body"), "Das Wiki „Löwe“");
        await browser.follow("a[href*='do=logout']");
        assertEquals(await browser.text(".user"), "");
      });

      it("had nothing to complain of", () => {
        assertEquals(browser.faults, []);
        assertEquals(site.errors, []);
        assertEquals(site.stderr, []);
      });
    });
  },
);
