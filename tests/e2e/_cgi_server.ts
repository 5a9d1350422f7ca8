/**
 * Web servers with the CGI configurations of `examples/` as they are, each in a directory with one
 * script.
 */
import { join } from "node:path";
import { commandFor } from "../runtime/_command.ts";
import { writeExecutable } from "./_apps.ts";
import { type RunningServer, startServer, type WebServer } from "./_web_server.ts";

const APP = new URL("./apps/cgi.ts", import.meta.url);
/**
 * Every permission: with less, Deno does not let bytes of the environment be seen that are no text.
 */
const PERMISSIONS = ["--allow-all"];

const PLAIN = { NO_COLOR: "1", FORCE_COLOR: undefined };

const apache = (module: string, mpm: string, args: string[]): WebServer => ({
  command: "apache2",
  configuration: "apache/cgi.conf",
  args: () => args,
  needs: [module, mpm].map((file) => `/usr/lib/apache2/modules/mod_${file}.so`),
  startsPrograms: true,
  env: PLAIN,
  log: "error.log",
});

/** The web servers that run CGI programs, by the names of their tests. */
export const SERVERS: Record<string, WebServer> = {
  "Apache mod_cgid": apache("cgid", "mpm_event", []),
  "Apache mod_cgi": apache("cgi", "mpm_prefork", ["-D", "PREFORK"]),
  "lighttpd mod_cgi": {
    command: "lighttpd",
    configuration: "lighttpd/cgi.conf",
    args: (configuration) => ["-D", "-f", configuration],
    needs: ["/usr/lib/lighttpd/mod_cgi.so"],
    startsPrograms: true,
    env: PLAIN,
    // Where standard error of the script goes.
    log: "application.log",
  },
};

/** The command of the application, as a shell says it. */
export const APP_COMMAND: string = commandFor(APP, PERMISSIONS).map((arg) => `'${arg}'`).join(" ");

/** Starts a server with the script that its configuration names. */
export function startCgiServer(server: WebServer): Promise<RunningServer> {
  return startServer(
    server,
    (directory) =>
      writeExecutable(
        join(directory, "app.cgi.ts"),
        `#!/bin/sh\nexec ${APP_COMMAND}\n`,
      ),
  );
}
