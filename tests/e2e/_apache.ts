/**
 * How every test starts Apache, whoever runs it.
 *
 * Root's Apache would become another user, www-data, who may open neither a runtime nor a script
 * below a directory that is root's alone (/root is one). In a user namespace it takes itself for
 * www-data already, while the files it opens are opened as root's. Where such namespaces are not
 * permitted it does become www-data.
 */
import { constants, stat } from "node:fs/promises";
import { dirname } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { spawnProgram, which } from "../_runtime.ts";

/** The user that Apache runs as when root starts it: Debian's number for it, too. */
const USER = { name: "www-data", id: 33 };

const isRoot = process.getuid?.() === 0;
const NAMESPACE = [
  "unshare",
  "--user",
  `--map-user=${USER.id}`,
  `--map-group=${USER.id}`,
];
const hasNamespaces = isRoot && await succeeds([...NAMESPACE, "true"]);

/** Whether Apache is another user than this test, to whom files must be opened. */
export const isOtherUser: boolean = isRoot && !hasNamespaces;

/** The command line that starts Apache in its current directory, in the foreground. */
export async function apacheCommand(configuration: string, args: string[] = []): Promise<string[]> {
  return [
    // A stopping Apache with mpm_prefork sends SIGTERM to its whole process group: it gets one of
    // its own.
    "setsid",
    ...hasNamespaces ? NAMESPACE : [],
    (await which("apache2"))!,
    ...["-D", "FOREGROUND", ...args, "-d", ".", "-f", configuration],
    ...isOtherUser ? ["-C", `User ${USER.name}`, "-C", `Group ${USER.name}`] : [],
  ];
}

/**
 * The reason why Apache cannot be started here, or cannot start programs of this repository, or
 * `false`.
 */
export async function skipApache(startsPrograms = false): Promise<string | false> {
  if (await which("setsid") === null) return "setsid (util-linux) is not installed";
  return startsPrograms && isOtherUser && await whatIsClosed();
}

/**
 * The directory above the runtime or this repository that another user may not enter, or `false`.
 */
async function whatIsClosed(): Promise<string | false> {
  for (const file of [process.execPath, fileURLToPath(import.meta.url)]) {
    for (let at = dirname(file); at !== dirname(at); at = dirname(at)) {
      if (((await stat(at)).mode & constants.S_IXOTH) === 0) {
        return `${USER.name} may not enter ${at}, and user namespaces are not permitted`;
      }
    }
  }
  return false;
}

async function succeeds([command = "", ...args]: string[]): Promise<boolean> {
  const file = await which(command);
  if (file === null) return false;
  await using program = await spawnProgram(file, args);
  return (await program.exit).code === 0;
}
