/**
 * Whose a socket file is: the options `owner` and `group`, and what the line at start says of who
 * may connect.
 */
import { lstat, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import process from "node:process";
import { type ListenOnPath, serve } from "../../mod.ts";
import { describeAccess } from "../../src/runtime/listen/socket_owner.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
} from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { runtime, spawnProgram, tempDir, which } from "../_runtime.ts";
import { RawPeer } from "./_raw_peer.ts";
import { runScript } from "./_script.ts";
import { hello } from "../server/_handlers.ts";

const isRoot = process.getuid?.() === 0;
const needsRoot = !isRoot && "Only root can give files away";
const needsDeno = runtime !== "deno" && "Only Deno has permissions";
const terminal = await which("script");
const MAX_BYTES = process.platform === "linux" ? 107 : 103;

interface Entry {
  name: string;
  id: number;
}

/** A user or a group that every system has, but root. */
async function somebody(file: "passwd" | "group"): Promise<Entry> {
  const lines = (await readFile(`/etc/${file}`, "utf8")).split("\n").map((line) => line.split(":"));
  const [name, , id] = lines.find(([, , id]) => id !== undefined && Number(id) > 0)!;
  return { name: name!, id: Number(id) };
}

const USER = await somebody("passwd");
const GROUP = await somebody("group");

describe("describeAccess", () => {
  const { name: user, id: uid } = USER;
  const { name: group, id: gid } = GROUP;
  const nobody = 4_000_000_000;
  const rows: [mode: number, uid: number, gid: number, text: string][] = [
    [0o755, 0, 0, "mode 0755, root:root: nobody else may connect"],
    [0o755, uid, gid, `mode 0755, ${user}:${group}: nobody else may connect`],
    [0o600, uid, gid, `mode 0600, ${user}:${group}: nobody else may connect`],
    [0o660, uid, gid, `mode 0660, ${user}:${group}: only ${user} and group ${group} may connect`],
    [0o770, 0, gid, `mode 0770, root:${group}: only root and group ${group} may connect`],
    [0o666, uid, gid, `mode 0666, ${user}:${group}: everybody may connect`],
    [0o777, 0, 0, "mode 0777, root:root: everybody may connect"],
    [0o222, uid, gid, `mode 0222, ${user}:${group}: everybody may connect`],
    // Reading and executing are nothing to a socket.
    [0o655, uid, gid, `mode 0655, ${user}:${group}: nobody else may connect`],
    [0o060, uid, gid, `mode 0060, ${user}:${group}: only group ${group} may connect`],
    [0o060, 0, gid, `mode 0060, root:${group}: only root and group ${group} may connect`],
    // Whoever is of the group is none of the others.
    [0o602, uid, gid, `mode 0602, ${user}:${group}: everybody but group ${group} may connect`],
    [0o022, uid, gid, `mode 0022, ${user}:${group}: everybody but ${user} may connect`],
    [
      0o002,
      uid,
      gid,
      `mode 0002, ${user}:${group}: everybody but ${user} and group ${group} may connect`,
    ],
    [0o000, uid, gid, `mode 0000, ${user}:${group}: nobody but root may connect`],
    [0o000, 0, 0, "mode 0000, root:root: nobody else may connect"],
    [
      0o660,
      nobody,
      nobody,
      `mode 0660, ${nobody}:${nobody}: only ${nobody} and group ${nobody} may connect`,
    ],
  ];
  for (const [mode, uid, gid, text] of rows) {
    it(`says "${text}"`, () => {
      // The kind of the file is in its mode, too.
      assertEquals(describeAccess({ mode: 0o140000 | mode, uid, gid }), text);
    });
  }
});

/** The two ways of binding: aside, and in a place that leaves no room for a longer name. */
const PLACES: Record<string, (root: string) => Promise<string>> = {
  "bound aside": (root) => Promise.resolve(join(root, "fcgi.sock")),
  async "bound in place"(root) {
    const directory = join(root, "d".repeat(MAX_BYTES - root.length - "//.sock".length));
    await mkdir(directory);
    return join(directory, ".sock");
  },
};

const silent = { onListen() {} };

async function ask(path: string): Promise<string> {
  await using peer = await RawPeer.connect({ transport: "unix", path });
  return (await peer.fetch({ keep: false })).text;
}

describe("owner and group", () => {
  const given: [what: string, options: Partial<ListenOnPath>, uid: number, gid: number][] = [
    ["a group by name", { group: GROUP.name }, 0, GROUP.id],
    ["a group by number", { group: 65_533 }, 0, 65_533],
    ["an owner by name", { owner: USER.name }, USER.id, 0],
    ["an owner by number", { owner: 65_533 }, 65_533, 0],
    ["both by name", { owner: USER.name, group: GROUP.name }, USER.id, GROUP.id],
    ["numbers as text", { owner: "65533", group: "4294967294" }, 65_533, 4_294_967_294],
    ["root", { owner: "root", group: 0 }, 0, 0],
  ];
  for (const [how, place] of Object.entries(PLACES)) {
    for (const [what, options, uid, gid] of given) {
      it(`take ${what} (${how})`, { skip: needsRoot }, async () => {
        await using directory = await tempDir();
        const path = await place(directory.path);
        await using server = serve({ path, mode: 0o660, ...options, ...silent }, hello);
        await server.ready;
        const file = await lstat(path);
        assertEquals([file.uid, file.gid, file.mode & 0o777], [uid, gid, 0o660]);
        assertEquals(await ask(path), "Hello\n");
        await server.shutdown();
        assertEquals(await readdir(dirname(path)), []);
      });
    }

    it(
      `leave the mode to the umask where there is none (${how})`,
      { skip: needsRoot },
      async () => {
        await using directory = await tempDir();
        const path = await place(directory.path);
        await using server = serve({ path, group: GROUP.id, ...silent }, hello);
        await server.ready;
        assertEquals((await lstat(path)).mode & 0o777, 0o777 & ~process.umask());
      },
    );

    for (const [option, file] of [["owner", "passwd"], ["group", "group"]] as const) {
      it(`say that a name is not known, and bind nothing (${option}, ${how})`, async () => {
        await using directory = await tempDir();
        const path = await place(directory.path);
        const server = serve({ path, [option]: "no-such-name", ...silent }, hello);
        const { message } = await assertRejects(() => server.ready);
        const kind = option === "owner" ? "user" : "group";
        assertEquals(
          message,
          `Cannot listen on ${path}: EINVAL. There is no ${kind} "no-such-name" in /etc/${file}; ` +
            "give one that is there, or a number",
        );
        await server.finished;
        assertEquals(await readdir(dirname(path)), []);
      });
    }

    const forbidden: [options: string, advice: string][] = [
      [
        "owner: 0",
        "EPERM. Only root may give the socket another owner; leave the owner out, or give a " +
        "group that this user belongs to",
      ],
      [
        "group: 0",
        "EPERM. This user does not belong to the group that the socket is to have; add it to " +
        "that group, or give another",
      ],
      ["owner: 65534, group: 65534", ""],
      ["group: 65533", ""],
    ];
    for (const [options, advice] of forbidden) {
      const outcome = advice === "" ? "take" : "say that this user may not give";
      // As nobody, who belongs to the group 65533, too.
      const skip = needsRoot ||
        options === "group: 65533" && runtime === "deno" && "Deno has no setgroups";
      it(`${outcome} { ${options} } as nobody (${how})`, { skip }, async () => {
        await using directory = await tempDir(0o777);
        const path = await place(directory.path);
        await using app = await runScript(
          `import { chmodSync } from "node:fs";
          import { dirname } from "node:path";
          import process from "node:process";
          const path = process.argv[2];
          chmodSync(dirname(path), 0o777);
          process.setgroups?.([65533]);
          process.setgid(65534);
          process.setuid(65534);
          const server = serve({ path, ${options} }, () => new Response());
          await server.ready.catch((error) => console.log(error.message));
          await server.shutdown();`,
          [path],
          { denoPermissions: ["-A"] },
        );
        assertEquals(await app.program.exit, { code: 0, signal: null }, app.program.stderr.text);
        assertEquals(
          app.program.stdout.text,
          advice === "" ? "" : `Cannot listen on ${path}: ${advice}\n`,
        );
        assertEquals(await readdir(dirname(path)), []);
      });
    }
  }

  it("are nothing to an abstract socket", {
    skip: process.platform !== "linux" && "Only Linux has abstract sockets",
  }, async () => {
    for (const options of [{ owner: 0 }, { group: 0 }]) {
      const path = `\0fcgi-owner-${process.pid}`;
      const server = serve({ path, ...options, ...silent }, hello);
      const { message } = await assertRejects(() => server.ready);
      assertStringIncludes(
        message,
        "An abstract socket has no file, so it takes no mode, no owner",
      );
    }
  });

  it("by name need permission to read the names, by number none", {
    skip: needsDeno || needsRoot,
  }, async () => {
    await using directory = await tempDir();
    const path = join(directory.path, "fcgi.sock");
    const start = (options: string, ...flags: string[]) =>
      runScript(`serve({ path: ${JSON.stringify(path)}, ${options} }, () => new Response());`, [], {
        denoPermissions: [
          `--allow-net=unix:${path}`,
          `--allow-read=${path}`,
          `--allow-write=${path}`,
          ...flags,
        ],
      });
    for (
      const [options, what] of [
        [`owner: "${USER.name}"`, `user "${USER.name}", /etc/passwd`],
        [`group: "${GROUP.name}"`, `group "${GROUP.name}", /etc/group`],
      ] as const
    ) {
      await using app = await start(options);
      assertNotEquals((await app.program.exit).code, 0);
      const flag = `--allow-read=${what.split(", ")[1]}`;
      assertStringIncludes(
        app.program.stderr.text,
        `Cannot listen on ${path}: EACCES. To find the ${what} must be read; ` +
          `run deno with ${flag}, or give its number`,
      );
    }
    const given = [
      [`owner: "${USER.name}", group: ${GROUP.id}`, "--allow-read=/etc/passwd"],
      [`owner: ${USER.id}, group: "${GROUP.name}"`, "--allow-read=/etc/group"],
      [`owner: ${USER.id}, group: ${GROUP.id}`, "--deny-env"],
    ];
    for (const [options, flag] of given) {
      await using app = await start(options!, flag!);
      await app.program.waitForLine("stderr", /^Serving FastCGI on /);
      const { uid, gid } = await lstat(path);
      assertEquals([uid, gid], [USER.id, GROUP.id]);
    }
  });
});

describe("the line at start, of a Unix socket", () => {
  const source = `import process from "node:process";
    process.umask(0o022);
    const [, , path, options = "{}"] = process.argv;
    serve({ path, ...JSON.parse(options) }, () => new Response());`;

  it(
    "says the mode, the owner and the group, and who may connect",
    { skip: needsRoot },
    async () => {
      for (const [how, place] of Object.entries(PLACES)) {
        for (
          const [options, access] of [
            [{}, "mode 0755, root:root: nobody else may connect"],
            [
              { mode: 0o660, group: GROUP.id },
              `mode 0660, root:${GROUP.name}: only root and group ${GROUP.name} may connect`,
            ],
          ] as const
        ) {
          await using directory = await tempDir();
          const path = await place(directory.path);
          await using app = await runScript(source, [path, JSON.stringify(options)], {
            denoPermissions: ["-A"],
          });
          const [line] = await app.program.waitForLine("stderr", /^Serving FastCGI on .*/);
          assertEquals(line, `Serving FastCGI on ${path} (${access})`, how);
        }
      }
    },
  );

  it("has numbers where the names may not be read, and asks nobody", {
    skip: needsDeno || !terminal && "script (util-linux) is not installed",
  }, async () => {
    await using directory = await tempDir();
    const path = join(directory.path, "fcgi.sock");
    const module = new URL("../../mod.ts", import.meta.url).href;
    const file = join(directory.path, "app.ts");
    await writeFile(
      file,
      `import { serve } from ${JSON.stringify(module)};
      serve({ path: ${JSON.stringify(path)}, mode: 0o660 }, () => new Response());`,
    );
    for (const place of [path, directory.path]) {
      const flags = `--allow-net --allow-read=${place} --allow-write=${place}`;
      const run = `${process.execPath} run --quiet ${flags} ${file}`;
      await using program = await spawnProgram(terminal!, ["-qefc", run, "/dev/null"], {
        stdin: "pipe",
        env: { NO_COLOR: "1", FORCE_COLOR: undefined },
      });
      const [line] = await program.waitForLine("stdout", /Serving FastCGI on .*/);
      const [uid, gid] = [process.getuid?.(), process.getgid?.()];
      const who = `only ${uid} and group ${gid} may connect`;
      assertEquals(
        line.trim(),
        `Serving FastCGI on ${path} (mode 0660, ${uid}:${gid}: ${who})`,
      );
      assert(!/Deno requests|Allow\?/.test(program.stdout.text), program.stdout.text);
    }
  });

  it("says nothing of the kind where there is no file", {
    skip: process.platform !== "linux" && "Only Linux has abstract sockets",
  }, async () => {
    await using app = await runScript(
      `serve({ path: "\\0fcgi-line-" + crypto.randomUUID() }, () => new Response());`,
      [],
      { denoPermissions: ["-A"] },
    );
    const [line] = await app.program.waitForLine("stderr", /^Serving FastCGI on .*/);
    assertMatch(line, /fcgi-line-[\da-f-]+$/);
  });
});
