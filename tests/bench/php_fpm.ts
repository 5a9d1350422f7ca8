// php-fpm: a pool of as many workers as there are connections, since a worker stays with its own.

import type { Launch } from "./contenders.ts";
import { CONNECTIONS } from "./sample.ts";
import { findTool } from "./tools.ts";
import { source } from "./workshop.ts";

/** Debian puts the version into the name of the program. */
const NAMES = ["php-fpm", ...["8.5", "8.4", "8.3", "8.2", "8.1"].map((v) => `php-fpm${v}`)];

export async function phpFpm(): Promise<Launch> {
  const program = await findTool(NAMES, "apt-get install php-fpm");
  const root = Deno.uid() === 0;
  return {
    params: [`SCRIPT_FILENAME=${source("servers/hello.php")}`],
    async command(socket, folder) {
      const file = `${folder}/php-fpm.conf`;
      await Deno.writeTextFile(
        file,
        `[global]
error_log = /proc/self/fd/2
log_level = warning
daemonize = no
[bench]
${root ? "user = root\ngroup = root" : ""}
listen = ${socket}
pm = static
pm.max_children = ${CONNECTIONS}
`,
      );
      return [program, "-F", ...(root ? ["-R"] : []), "-y", file];
    },
  };
}
