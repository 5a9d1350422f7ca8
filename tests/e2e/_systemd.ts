/**
 * A systemd of the test's own: a real one, as process 1 of a PID namespace, that knows only the
 * units of `examples/`. What it could change on the machine is not there: it has file systems, a
 * network and control groups of its own.
 */
import { spawnSync } from "node:child_process";
import { chmod, mkdir, readdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { type Program, runtime, spawnProgram, tempDir, waitUntil, which } from "../_runtime.ts";
import { childrenOf, isAlive } from "../cli/workers/_pool.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const SYSTEMD = "/lib/systemd/systemd";
const unshare = await which("unshare");
const nsenter = await which("nsenter");
/** Targets that units want by default: of the machine's own there is nothing to be started. */
const TARGETS = ["sysinit", "basic", "sockets", "shutdown", "multi-user", "network", "test"];
/** Directories that are empty in there, so that nothing is left behind. */
const EMPTY = ["/srv", "/usr/local/bin", "/var/cache", "/var/lib", "/var/tmp", "/tmp"];

/**
 * What process 1 does before it is systemd: mounts. `$1` is a directory with the units and the
 * applications, `$2` the checkout. The runtime is in the environment: where Deno sees its own path
 * in the arguments of a shell, it takes what follows for its own.
 */
const BOOT = `set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd /run/groups /run/checkout /run/units /run/applications
cp -r "$1"/units/. /run/units
cp -r "$1"/applications/. /run/applications
mount --bind "$2" /run/checkout
touch /run/runtime; mount --bind "$RUNTIME" /run/runtime
for directory in ${EMPTY.join(" ")}; do mount -t tmpfs -o mode=1777 tmpfs $directory; done
chmod 755 /srv /usr/local/bin /var/cache /var/lib
touch "/usr/local/bin/$NAME"; mount --bind /run/runtime "/usr/local/bin/$NAME"
cp -r /run/applications/. /srv
mkdir /srv/fastcgi; mount --bind /run/checkout /srv/fastcgi
mount -t cgroup2 cgroup2 /run/groups
umount -R -l /sys/fs/cgroup
mount --move /run/groups /sys/fs/cgroup
touch /run/console; mount --bind /run/console /dev/console
export container=test SYSTEMD_UNIT_PATH=/run/units
exec ${SYSTEMD} --system --unit=test.target --log-target=console --show-status=no
`;

/** Where control groups of version 2 are, or `undefined`. */
const groups = await readFile("/proc/mounts", "utf8").then(
  (text) =>
    text.split("\n").map((line) => line.split(" ")).find(([, , type]) => type === "cgroup2")
      ?.[1],
  () => undefined,
);

/** The reason why there can be no systemd here, or `false`. */
export const skipSystemd: string | false = await which("systemctl") === null
  ? "systemd is not installed"
  : process.getuid?.() !== 0
  ? "a systemd of its own takes root"
  : unshare === null || nsenter === null
  ? "unshare or nsenter is not installed"
  : groups === undefined
  ? "there are no control groups of version 2"
  : spawnSync(unshare, ["--pid", "--fork", "--mount", "--cgroup", "--net", "true"]).status !== 0 &&
    "no namespaces here";

export class Systemd implements AsyncDisposable {
  readonly #program: Program;
  readonly #pid: number;
  readonly #stack: AsyncDisposableStack;

  private constructor(program: Program, pid: number, stack: AsyncDisposableStack) {
    this.#program = program;
    this.#pid = pid;
    this.#stack = stack;
  }

  /**
   * Starts it, with all units of `examples/systemd/`.
   *
   * @param applications Executable scripts, by their names below /srv.
   */
  static async start(applications: Record<string, string>): Promise<Systemd> {
    await using stack = new AsyncDisposableStack();
    const { path } = stack.use(await tempDir(0o755));
    await mkdir(join(path, "units"));
    const examples = join(ROOT, "examples/systemd");
    for (const name of await readdir(examples)) {
      if (name.endsWith(".md")) continue;
      await writeFile(join(path, "units", name), await readFile(join(examples, name)));
    }
    // There is no journal.
    await mkdir(join(path, "units/service.d"));
    const output = "append:/run/console";
    await writeFile(
      join(path, "units/service.d/output.conf"),
      `[Service]\nStandardOutput=${output}\nStandardError=${output}\n`,
    );
    for (const target of TARGETS) {
      const text = "[Unit]\nDefaultDependencies=no\n";
      await writeFile(join(path, "units", `${target}.target`), text);
    }
    for (const [name, text] of Object.entries(applications)) {
      const file = join(path, "applications", name);
      await mkdir(join(file, ".."), { recursive: true });
      await writeFile(file, text);
      await chmod(file, 0o755);
    }
    await sweep();
    const group = join(groups!, `fcgi-test-${process.pid}`);
    await mkdir(group, { recursive: true });
    stack.defer(() => removeGroup(group));
    const program = stack.use(
      await spawnProgram("/bin/sh", [
        ...["-c", `echo $$ > "$0"/cgroup.procs; exec "$@"`, group],
        ...[unshare!, "--kill-child", "--pid", "--mount", "--uts", "--ipc", "--cgroup", "--net"],
        ...["--mount-proc", "--propagation", "private"],
        ...["/bin/sh", "-c", BOOT, "sh", path, ROOT],
      ], { env: { RUNTIME: process.execPath, NAME: runtime } }),
    );
    const child = await waitUntil(async () => (await childrenOf(program.pid))[0], {
      what: "process 1",
    });
    const systemd = new Systemd(program, child, stack.move());
    try {
      await waitUntil(async () => (await systemd.run("systemctl", "is-active", "test.target")).ok, {
        what: "systemd to start",
        interval: 50,
      });
      return systemd;
    } catch (error) {
      const said = program.stderr.text + await systemd.log();
      await systemd[Symbol.asyncDispose]();
      throw new Error(`Cannot start systemd: ${said}`, { cause: error });
    }
  }

  /** Where a file in there is for this process. */
  path(inside: string): string {
    return `/proc/${this.#pid}/root${inside}`;
  }

  /** Runs a program in there. */
  async run(...command: string[]): Promise<{ ok: boolean; text: string }> {
    const args = ["--target", String(this.#pid), "--mount", "--pid", "--net", "--", ...command];
    await using program = await spawnProgram(nsenter!, args);
    const { code } = await program.exit;
    return { ok: code === 0, text: program.stdout.text + program.stderr.text };
  }

  /** Tells it something; throws if that fails. */
  async tell(...args: string[]): Promise<string> {
    const { ok, text } = await this.run("systemctl", ...args);
    if (!ok) throw new Error(`systemctl ${args.join(" ")}: ${text}${await this.log()}`);
    return text;
  }

  /** What it has written. */
  log(): Promise<string> {
    return readFile(this.path("/run/console"), "utf8").catch(() => "");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Its process 1 goes with it, and with that all others.
    this.#program.kill("SIGKILL");
    await this.#stack.disposeAsync();
  }
}

/** Removes what a test has left behind that could not end by itself. */
async function sweep(): Promise<void> {
  for (const name of await readdir(groups!)) {
    const [, pid] = /^fcgi-test-(\d+)$/.exec(name) ?? [];
    if (pid !== undefined && !await isAlive(Number(pid))) await removeGroup(join(groups!, name));
  }
}

/** Removes a control group, as soon as nothing is left in it. */
async function removeGroup(path: string): Promise<void> {
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (entry.isDirectory()) await removeGroup(join(path, entry.name));
  }
  await waitUntil(() => rmdir(path).then(() => true, () => false), { what: `${path} to be empty` });
}
