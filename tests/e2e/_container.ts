/**
 * A container without an engine: the instructions of a Containerfile, carried out in namespaces on
 * a copy of this machine's root that costs nothing (overlayfs), and its command as the user it
 * says, with a root that is read-only.
 *
 * What it does not do: fetch an image. The base is this machine, with the runtime in /usr/local/bin
 * and none of the others.
 */
import { spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import process from "node:process";
import { type Program, runtime, spawnProgram, waitUntil, which } from "../_runtime.ts";

const PATH = "/usr/local/bin:/usr/bin:/bin";
/** Where the copy is, in a mount namespace of its own. */
const NEW_ROOT = "/run/container/root";

const PREPARE = `set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/container/upper/usr/local /run/container/work ${NEW_ROOT} /run/bin
# Whatever this machine has there is not in the image.
touch /run/bin/$NAME
mount -t overlay overlay -o lowerdir=/,upperdir=/run/container/upper,workdir=/run/container/work ${NEW_ROOT}
mount -t tmpfs tmpfs ${NEW_ROOT}/usr/local/bin
touch ${NEW_ROOT}/usr/local/bin/$NAME
mount --bind "$RUNTIME" ${NEW_ROOT}/usr/local/bin/$NAME
mount --rbind /dev ${NEW_ROOT}/dev
mount --rbind /proc ${NEW_ROOT}/proc
mount -t tmpfs tmpfs ${NEW_ROOT}/tmp
mount -t tmpfs tmpfs ${NEW_ROOT}/run
mkdir ${NEW_ROOT}/opt/context
mount --rbind "$CONTEXT" ${NEW_ROOT}/opt/context
touch /run/ready
exec sleep 600
`;

/** The reason why there can be no container here, or `false`. */
export const skipContainer: string | false = reasonToSkip(
  await Promise.all(["unshare", "nsenter", "setpriv"].map(which)),
);

function reasonToSkip(programs: (string | null)[]): string | false {
  if (process.platform !== "linux") return "namespaces are Linux's";
  if (process.getuid?.() !== 0) return "a container without an engine takes root";
  if (programs.includes(null)) return "util-linux is not installed";
  const script = "mount -t tmpfs tmpfs /run && mkdir /run/u /run/w /run/r && " +
    "mount -t overlay overlay -o lowerdir=/,upperdir=/run/u,workdir=/run/w /run/r";
  const { status } = spawnSync("unshare", ["--mount", "sh", "-c", script]);
  return status !== 0 && "no namespaces, or no overlayfs, here";
}

/** One instruction of a Containerfile. */
interface Instruction {
  name: string;
  text: string;
}

/** The instructions of a Containerfile, lines that go on joined. */
export function instructionsIn(text: string): Instruction[] {
  const lines = text.split("\n").filter((line) => !/^\s*(#|$)/.test(line)).join("\n");
  return lines.replaceAll(/\\\n/g, "").split("\n").map((line) => {
    const [, name = "", rest = ""] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    if (name === "") throw new Error(`No instruction: ${line}`);
    return { name, text: rest };
  });
}

export class Container implements AsyncDisposable {
  /** The commands of HEALTHCHECK and CMD. */
  health: string[] = [];
  command: string[] = [];
  user = "root";
  directory = "/";
  readonly #environment: Record<string, string> = { PATH };
  readonly #holder: Program;

  private constructor(holder: Program) {
    this.#holder = holder;
  }

  /** @param context The directory that COPY takes files from. */
  static async build(containerfile: string, context: string): Promise<Container> {
    const holder = await spawnProgram("unshare", [
      ...["--mount", "--propagation", "private", "sh", "-c", PREPARE],
    ], { env: { RUNTIME: process.execPath, NAME: runtime, CONTEXT: context } });
    const container = new Container(holder);
    const ready = `/proc/${holder.pid}/root/run/ready`;
    try {
      await waitUntil(() => readFile(ready).then(() => true, () => false), { what: "the mounts" });
      for (const instruction of instructionsIn(await readFile(containerfile, "utf8"))) {
        await container.#carryOut(instruction);
      }
      // From now on nothing can be written but where it says.
      await container.#must("mount", "-o", "remount,ro", NEW_ROOT);
      await container.#must("mount", "-o", "remount,ro", `${NEW_ROOT}/usr/local/bin`);
      return container;
    } catch (error) {
      await container[Symbol.asyncDispose]();
      throw new Error(`${(error as Error).message}: ${holder.stderr.text}`, { cause: error });
    }
  }

  async #carryOut({ name, text }: Instruction): Promise<void> {
    switch (name) {
      case "ARG":
      case "FROM":
      case "VOLUME":
        return;
      case "ENV": {
        const [variable, value] = text.split("=", 2) as [string, string];
        this.#environment[variable] = value;
        return;
      }
      case "USER":
        return void (this.user = text);
      case "WORKDIR":
        return void (this.directory = text);
      case "COPY": {
        const [from, to] = text.split(/\s+/) as [string, string];
        const script = `mkdir -p "$(dirname ${to})" && cp -r /opt/context/${from} ${to}`;
        return await this.#mustRun("sh", "-c", script);
      }
      case "RUN":
        return await this.#mustRun("sh", "-c", text);
      case "HEALTHCHECK":
        return void (this.health = JSON.parse(/CMD (\[.*\])$/.exec(text)![1]!));
      case "CMD":
        return void (this.command = JSON.parse(text));
      default:
        throw new Error(`What does ${name} do?`);
    }
  }

  /** Starts a program in it, as its user, without any privilege. */
  start(command: readonly string[]): Promise<Program> {
    const { user, directory } = this;
    const variables = Object.entries(this.#environment).map(([name, value]) => `${name}=${value}`);
    return spawnProgram("nsenter", [
      ...["--target", String(this.#holder.pid), "--mount", "--"],
      ...["chroot", NEW_ROOT, "/usr/bin/env", "-i", `--chdir=${directory}`, ...variables],
      ...user === "root" ? [] : [
        ...["setpriv", "--reuid", user, "--regid", "nogroup", "--clear-groups"],
        ...["--no-new-privs", "--inh-caps=-all", "--bounding-set=-all"],
      ],
      ...command,
    ]);
  }

  /** Runs a program in it, as its user; resolves with its exit code. */
  async run(...command: string[]): Promise<{ code: number | null; text: string }> {
    await using program = await this.start(command);
    const { code } = await program.exit;
    return { code, text: program.stdout.text + program.stderr.text };
  }

  /** Where a file in it is for this process. */
  path(inside: string): string {
    return `/proc/${this.#holder.pid}/root${NEW_ROOT}${inside}`;
  }

  async #mustRun(...command: string[]): Promise<void> {
    const { code, text } = await this.run(...command);
    if (code !== 0) throw new Error(`${command.join(" ")}: ${text}`);
  }

  async #must(...command: string[]): Promise<void> {
    const args = ["--target", String(this.#holder.pid), "--mount", "--", ...command];
    await using program = await spawnProgram("nsenter", args);
    if ((await program.exit).code !== 0) throw new Error(program.stderr.text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#holder.kill("SIGKILL");
    await this.#holder.exit;
  }
}
