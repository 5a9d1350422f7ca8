// Programs of this machine: find one, run one to its end. What is missing names the package to
// install.

import { Missing, NotRun } from "./not_run.ts";

/** Debian keeps daemons where the PATH of an ordinary user does not look. */
const DAEMON_FOLDERS = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/** The path of the first of `names` there is; without one a Missing that says what to install. */
export async function findTool(names: string | string[], remedy: string): Promise<string> {
  const wanted = [names].flat();
  const folders = [...(Deno.env.get("PATH") ?? "").split(":"), ...DAEMON_FOLDERS];
  for (const name of wanted) {
    for (const folder of folders) {
      const path = `${folder}/${name}`;
      const info = await Deno.stat(path).catch(() => null);
      if (info?.isFile && (info.mode ?? 0) & 0o111) return path;
    }
  }
  throw new Missing(`needs ${wanted[0]} (${remedy})`);
}

/** Everything a program says on stdout and on stderr; a failure is an error with its last words. */
export async function output(command: string[], options: Deno.CommandOptions = {}) {
  const [program, ...args] = command;
  const result = await new Deno.Command(program, { ...options, args, stdin: "null" }).output();
  const [stdout, stderr] = [result.stdout, result.stderr].map((b) => new TextDecoder().decode(b));
  if (!result.success) {
    const words = (stderr.trim() || stdout.trim()).split("\n").slice(0, 3).join(" ");
    throw new NotRun(`${words} (exit ${result.code})`);
  }
  return { stdout, stderr };
}
