/**
 * Web servers with the configurations of authorizers in `examples/` as they are, and the
 * applications they name.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Program, spawnScript } from "../_runtime.ts";
import { commandFor } from "../runtime/_command.ts";
import { startOnPort, writeExecutable } from "./_apps.ts";
import { type RunningServer, startServer, type WebServer } from "./_web_server.ts";

/** Where Debian has Apache's modules. */
const MODULES = "/usr/lib/apache2/modules";

export const LIGHTTPD: WebServer = {
  command: "lighttpd",
  configuration: "lighttpd/authorizer.conf",
  args: (configuration) => ["-D", "-f", configuration],
  log: "error.log",
};

export const AUTHNZ_FCGI: WebServer = {
  command: "apache2",
  configuration: "apache/authorizer.conf",
  needs: [`${MODULES}/mod_authnz_fcgi.so`],
  log: "error.log",
};

export const FCGID: WebServer = {
  command: "apache2",
  configuration: "apache/authorizer-fcgid.conf",
  needs: [`${MODULES}/mod_fcgid.so`],
  startsPrograms: true,
  log: "error.log",
};

/** Files to guard: each in every guarded directory. */
const FILES = ["grant.txt", "refuse.txt", "ask.txt", "login.txt", "large.txt", "fail.txt"];

/** What stands in a guarded file. */
export const contentOf = (file: string): string => `The content of ${file}\n`;

/** Starts a web server in a directory with what it guards. */
export function startGuardedServer(server: WebServer): Promise<RunningServer> {
  return startServer(server, fill);
}

/** Starts a script that takes its port from an argument, on a port that a configuration names. */
export function startApp(script: string, port: number, arg: string): Promise<Program> {
  return startOnPort(port, () =>
    spawnScript(new URL(script, import.meta.url), [arg], {
      denoPermissions: [`--allow-net=127.0.0.1:${port}`],
    }));
}

/** Puts what is guarded into a directory, and what Apache needs beside it. */
async function fill(directory: string): Promise<void> {
  for (const guarded of ["members", "staff", "board"]) {
    await mkdir(join(directory, "www", guarded), { recursive: true });
    for (const file of FILES) {
      await writeFile(join(directory, "www", guarded, file), contentOf(file));
    }
  }
  // ada, engine: SHA-1 is the one of Apache's formats that needs no program to make.
  const digest = await crypto.subtle.digest("SHA-1", new TextEncoder().encode("engine"));
  const hash = btoa(String.fromCharCode(...new Uint8Array(digest)));
  await writeFile(join(directory, "htpasswd"), `ada:{SHA}${hash}\n`);
  // The application that mod_fcgid starts, as a person would wrap it.
  const command = commandFor(new URL("./apps/authorizer.ts", import.meta.url), ["--allow-net"]);
  const quoted = command.map((arg) => `'${arg}'`).join(" ");
  await writeExecutable(join(directory, "authorizer.fcgi"), `#!/bin/sh\nexec ${quoted}\n`);
}
