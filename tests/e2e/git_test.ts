/**
 * CGI programs that know nothing of the web, behind fcgiwrap and the gateway: git's `http-backend`,
 * used by git itself, and cgit.
 */
import { access, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../_assert.ts";
import { pattern } from "../_bytes.ts";
import { afterAll, beforeAll, describe, it } from "../_harness.ts";
import { type Program, spawnProgram, tempDir, which } from "../_runtime.ts";
import { BesideNginx, skipNginx } from "./_beside_nginx.ts";
import { skipFcgiwrap, startFcgiwrap } from "./_fcgiwrap.ts";

/** Where Debian has them. */
const HTTP_BACKEND = "/usr/lib/git-core/git-http-backend";
const CGIT = "/usr/lib/cgit/cgit.cgi";

const exists = (file: string) => access(file).then(() => true, () => false);
const skip = skipFcgiwrap || skipNginx || await which("git") === null && "git is not installed" ||
  !(await exists(HTTP_BACKEND)) && `There is no ${HTTP_BACKEND} here`;
const skipCgit = skip || !(await exists(CGIT)) && "cgit is not installed";

/** Content that git cannot make small, so that a push has several parts. */
const LARGE = 6 * 1024 * 1024;

/** Who commits, and nobody's settings. */
const ENV = {
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_TERMINAL_PROMPT: "0",
  GIT_AUTHOR_NAME: "Ada",
  GIT_AUTHOR_EMAIL: "ada@example.org",
  GIT_COMMITTER_NAME: "Ada",
  GIT_COMMITTER_EMAIL: "ada@example.org",
  LC_ALL: "C",
};

describe("gateway and fcgiwrap", { skip, timeout: 60_000 }, () => {
  let directory: string;
  let files: { path: string } & AsyncDisposable;
  let fcgiwrap: Program;
  let backend: BesideNginx;
  let cgit: BesideNginx | undefined;

  beforeAll(async () => {
    files = await tempDir(0o755);
    directory = files.path;
    await mkdir(join(directory, "repos"));
    await git(["init", "-q", "--bare", "-b", "main", "repos/one.git"]);
    await git(["-C", "repos/one.git", "config", "http.receivepack", "true"]);
    const socket = join(directory, "cgi.sock");
    fcgiwrap = await startFcgiwrap(socket);
    const params = {
      SCRIPT_FILENAME: HTTP_BACKEND,
      GIT_PROJECT_ROOT: join(directory, "repos"),
      GIT_HTTP_EXPORT_ALL: "",
      REMOTE_USER: "ada",
    };
    backend = await BesideNginx.start(cgiLocation(socket, params), {
      to: { path: socket },
      scriptName: "",
      params,
    });
    if (skipCgit) return;
    const cgitrc = join(directory, "cgitrc");
    await writeFile(cgitrc, `virtual-root=/\ncss=/cgit.css\nscan-path=${directory}/repos\n`);
    const cgitParams = { SCRIPT_FILENAME: CGIT, CGIT_CONFIG: cgitrc };
    cgit = await BesideNginx.start(cgiLocation(socket, cgitParams), {
      to: { path: socket },
      scriptName: "",
      params: cgitParams,
    });
  });
  afterAll(async () => {
    await backend?.[Symbol.asyncDispose]();
    await cgit?.[Symbol.asyncDispose]();
    await fcgiwrap?.[Symbol.asyncDispose]();
    await files?.[Symbol.asyncDispose]();
  });

  /** Runs git in the directory of the test, and resolves with what it says. */
  async function git(args: string[]): Promise<string> {
    await using program = await spawnProgram("git", args, { cwd: directory, env: ENV });
    const { code } = await program.exit;
    const said = program.stdout.text + program.stderr.text;
    assertEquals(code, 0, `git ${args.join(" ")}: ${said}`);
    return said;
  }

  const url = () => `http://127.0.0.1:${backend.gatewayPort}/one.git`;

  it("takes a push of several megabytes, which git sends in chunks", async () => {
    await git(["clone", "-q", url(), "work"]);
    await writeFile(join(directory, "work", "large.bin"), scrambled(LARGE));
    await writeFile(join(directory, "work", "Grüße.txt"), "Ein Umlaut: ü\n");
    await git(["-C", "work", "add", "."]);
    await git(["-C", "work", "commit", "-q", "-m", "Die erste Fassung: ü"]);
    await git(["-C", "work", "push", "-q", "origin", "HEAD:main"]);
    const head = await git(["-C", "work", "rev-parse", "HEAD"]);
    assertEquals(await git(["-C", "repos/one.git", "rev-parse", "main"]), head);
    await git(["-C", "repos/one.git", "fsck", "--strict"]);
  });

  it("gives a clone of it, whole and shallow, the same as through nginx", async () => {
    await git(["clone", "-q", url(), "clone"]);
    await git(["clone", "-q", "--depth", "1", url(), "shallow"]);
    await git(["clone", "-q", `http://127.0.0.1:${backend.nginxPort}/one.git`, "reference"]);
    for (const clone of ["clone", "shallow", "reference"]) {
      const large = await readFile(join(directory, clone, "large.bin"));
      assert(large.equals(scrambled(LARGE)), `${clone} has another large.bin`);
      assertMatch(await git(["-C", clone, "log", "-1", "--format=%s"]), /^Die erste Fassung: ü/);
    }
  });

  it("fetches what came later, and refuses a push that is not a fast-forward", async () => {
    await writeFile(join(directory, "work", "more.txt"), "More\n");
    await git(["-C", "work", "add", "."]);
    await git(["-C", "work", "commit", "-q", "-m", "More"]);
    await git(["-C", "work", "push", "-q", "origin", "HEAD:main", "HEAD:refs/tags/v1"]);
    await git(["-C", "clone", "pull", "-q", "--ff-only"]);
    await git(["-C", "clone", "fetch", "-q", "--tags"]);
    assertEquals(await readFile(join(directory, "clone", "more.txt"), "utf8"), "More\n");
    assertMatch(await git(["-C", "clone", "tag"]), /^v1$/m);
    const args = ["-C", "reference", "push", "-q", "origin", "+HEAD~0:refs/heads/other"];
    await git(args);
    assertMatch(await git(["ls-remote", url()]), /refs\/heads\/other/);
  });

  it("answers git's own requests as nginx does, and 404 for what is no repository", async () => {
    for (const service of ["git-upload-pack", "git-receive-pack"]) {
      const { status, all } = await backend.same(`/one.git/info/refs?service=${service}`);
      assertEquals(status, 200);
      assertEquals(all("content-type"), [`application/x-${service}-advertisement`]);
    }
    assertEquals((await backend.same("/one.git/HEAD")).text, "ref: refs/heads/main\n");
    for (const target of ["/none.git/info/refs?service=git-upload-pack", "/one.git/none"]) {
      assertEquals((await backend.same(target)).status, 404);
    }
    assertEquals((await backend.same("/one.git/git-upload-pack")).status, 405);
    assertEquals(backend.errors, []);
  });

  it("shows the repository in cgit, as nginx does", { skip: skipCgit }, async () => {
    // cgit's pages say the time, and the host of their clone addresses.
    const text = async (target: string) => {
      const { gateway, nginx } = await cgit!.both(target);
      const [got, expected] = [gateway, nginx].map(({ status, text }) => ({
        status,
        text: text.replaceAll(/generated by .*|title='[^']*'>[^<]* (?:sec|min)[^<]*/g, ""),
      }));
      assertEquals(got, expected, target);
      return gateway;
    };
    assertStringIncludes((await text("/")).text, "one.git");
    const log = await text("/one.git/log/");
    assertStringIncludes(log.text, "Die erste Fassung: ü");
    assertStringIncludes((await text("/one.git/tree/")).text, "Grüße.txt");
    assertStringIncludes((await text("/one.git/tree/Gr%C3%BC%C3%9Fe.txt")).text, "Ein Umlaut: ü");
    assertEquals((await text("/one.git/plain/Gr%C3%BC%C3%9Fe.txt")).text, "Ein Umlaut: ü\n");
    assertEquals((await text("/none.git/")).status, 404);
    const { gateway, nginx } = await cgit!.both("/one.git/plain/large.bin");
    assert(gateway.body.length === LARGE && nginx.body.length === LARGE);
  });
});

/** Bytes of which none follows from those before. */
function scrambled(length: number): Uint8Array {
  const content = pattern(length);
  let state = 1;
  for (let i = 0; i < length; i++) {
    state = Math.imul(state, 1103515245) + 12345 >>> 0;
    content[i]! ^= state >>> 16;
  }
  return content;
}

/** A whole site of one CGI program. */
function cgiLocation(socket: string, params: Record<string, string>): string {
  const lines = Object.entries(params).map(([name, value]) => `fastcgi_param ${name} "${value}";`);
  return `
  location / {
    include /etc/nginx/fastcgi_params;
    fastcgi_param SCRIPT_NAME "";
    fastcgi_param PATH_INFO $fastcgi_script_name;
    ${lines.join("\n    ")}
    fastcgi_pass unix:${socket};
  }`;
}
