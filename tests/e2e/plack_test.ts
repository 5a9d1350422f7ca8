/** A PSGI application under Plack's FastCGI handler, behind the gateway and beside nginx. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { assertEquals, assertMatch } from "../_assert.ts";
import { afterAll, beforeAll, describe, it } from "../_harness.ts";
import { type Program, spawnProgram, tempDir, waitUntil, which } from "../_runtime.ts";
import { BesideNginx, skipNginx } from "./_beside_nginx.ts";
import { hashOf, parts } from "./_content.ts";
import { startOnSocket } from "./_fcgiwrap.ts";
import { bytesOf, type HttpRequest } from "./_http_client.ts";

const APP = fileURLToPath(new URL("./apps/plack/app.psgi", import.meta.url));
/** 20 MB. */
const UPLOAD = 20 * 1024 * 1024;
/** What only the web server can say of itself; and what nginx says of a root that it has not. */
const OWN_PARAMS =
  /^(?:SERVER_(?:SOFTWARE|PORT|NAME)|REMOTE_PORT|REMOTE_USER|FCGI_ROLE|DOCUMENT_ROOT)=/;

const skip = skipNginx || await skipPlack();

async function skipPlack(): Promise<string | false> {
  if (await which("plackup") === null) return "plackup (libplack-perl) is not installed";
  await using perl = await spawnProgram("perl", ["-MFCGI", "-e", "1"]);
  return (await perl.exit).code !== 0 && "libfcgi-perl is not installed";
}

describe("gateway and Plack", { skip, timeout: 30_000 }, () => {
  let files: { path: string } & AsyncDisposable;
  let plack: Program;
  let site: BesideNginx;

  beforeAll(async () => {
    files = await tempDir(0o755);
    const socket = join(files.path, "psgi.sock");
    plack = await startOnSocket(socket, "plackup", [
      ...["-s", "FCGI", "-E", "deployment", "--listen", socket],
      ...["--nproc", "1", "--manager", ""],
      APP,
    ]);
    site = await BesideNginx.start(
      // The recipe of Plack's own manual.
      `location / {
        include /etc/nginx/fastcgi_params;
        fastcgi_param SCRIPT_NAME "";
        fastcgi_param PATH_INFO $fastcgi_script_name;
        fastcgi_pass unix:${socket};
      }`,
      { to: { path: socket }, scriptName: "" },
    );
  });
  afterAll(async () => {
    await site?.[Symbol.asyncDispose]();
    await plack?.[Symbol.asyncDispose]();
    await files?.[Symbol.asyncDispose]();
  });

  it("tells the application what nginx tells it, and every path as PATH_INFO", async () => {
    for (
      const target of ["/echo", "/echo/", "/echo/a%20b/%C3%BC?x=1&y=%2F", "/echo/x.php/y"]
    ) {
      const { gateway, nginx } = await site.both(target, { headers: [["X-Test", "yes"]] });
      const lines = ({ text }: { text: string }) =>
        text.split("\n").filter((line) => !OWN_PARAMS.test(line));
      assertEquals(lines(gateway), lines(nginx), target);
    }
    const { text } = await site.ask("/echo/a%20b?x=1");
    assertMatch(text, /^PATH_INFO=\/echo\/a b$/m);
    assertMatch(text, /^SCRIPT_NAME=$/m);
  });

  it("answers as behind nginx: pages, no page, a redirect, cookies, HEAD, no content", async () => {
    for (
      const [target, status] of [
        ["/", 404],
        ["/none/x", 404],
        ["/redirect", 303],
        ["/cookies", 200],
        ["/empty", 204],
        ["/stream", 200],
      ] as const
    ) {
      assertEquals((await site.same(target)).status, status);
    }
    await site.same("/cookies", { method: "HEAD" });
    const { headers } = await site.ask("/cookies");
    assertEquals(headers.filter(([name]) => name === "set-cookie").length, 3);
  });

  it("takes 20 MB, with a length and in chunks", async () => {
    for (const length of [UPLOAD, undefined]) {
      const answer = await site.same("/hash", () => ({
        method: "POST",
        body: parts(UPLOAD),
        ...length === undefined ? {} : { length },
      }));
      assertEquals(answer.text, hashOf(UPLOAD));
    }
  });

  it("takes a form with a file, in chunks", async () => {
    const request = (): HttpRequest => ({
      method: "POST",
      headers: [["Content-Type", "multipart/form-data; boundary=xyz"]],
      body: async function* () {
        yield bytesOf(
          '--xyz\r\nContent-Disposition: form-data; name="text"\r\n\r\nyes\r\n--xyz\r\n',
        );
        yield bytesOf('Content-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n');
        yield* parts(2 * 1024 * 1024);
        yield bytesOf("\r\n--xyz--\r\n");
      }(),
    });
    const { text } = await site.same("/form", request);
    assertEquals(text, `yes, ${hashOf(2 * 1024 * 1024)}`);
  });

  it("answers 500 where the application dies, and says why in its log", async () => {
    assertEquals((await site.same("/die")).status, 500);
    await site.same("/log");
    await waitUntil(() => site.stderr.some((line) => line.includes("A line for the log")));
    assertEquals(site.errors, []);
  });
});
