/** `.htaccess` for mod_fcgid, where nothing else is yours: shared hosting. */
import { UsageError } from "../command.ts";
import type { Configuration } from "./kind.ts";
import { shellWord } from "./quote.ts";

/** A name with this in it is a program for Apache. */
const EXTENSION = ".fcgi";
/** A name that means itself in a regular expression's replacement, unquoted. */
const NAME = /^[\w][\w.-]*$/;

/**
 * A site whose URLs are all the application's, but for files.
 *
 * @param app The absolute path of the application's module: with `.fcgi` in its name it is a
 * program itself, which calls `serve()`; else a program of two lines is to start it.
 * @param command The command line of `fcgi`.
 */
export function htaccess(app: string, command: readonly string[]): Configuration {
  const file = app.slice(app.lastIndexOf("/") + 1);
  const isProgram = /\.fcgi(?:\.|$)/.test(file);
  const script = isProgram ? file : file.replace(/(?<=.)\.\w+$/, "") + EXTENSION;
  if (!NAME.test(script)) {
    throw new UsageError(
      `--app cannot be ${JSON.stringify(file)}: its name may have letters, digits, dots, ` +
        "dashes and underscores",
    );
  }
  return {
    lines: [
      "AddHandler fcgid-script .fcgi",
      "Options +ExecCGI",
      "",
      "# Or else the Authorization header stays with Apache. Not FcgidPassHeader, which is not",
      "# allowed here: it makes the whole site a 500.",
      "CGIPassAuth On",
      "",
      "# Files are Apache's, all else is the application's.",
      "RewriteEngine On",
      "RewriteCond %{REQUEST_FILENAME} !-f",
      `RewriteRule ^ ${script} [L]`,
    ],
    hints: [
      "Put it into the directory of the site as .htaccess",
      ...isProgram ? programHints(script) : scriptHints(script, app, command),
    ],
    test: undefined,
  };
}

function programHints(script: string): readonly string[] {
  return [
    `and next to it ${script}, which calls serve(handler) without an address; then`,
    `    chmod +x ${script}`,
  ];
}

function scriptHints(script: string, app: string, command: readonly string[]): readonly string[] {
  return [
    `and next to it ${script}, with these two lines:`,
    "    #!/bin/sh",
    `    exec ${[...command, "serve", app].map(shellWord).join(" ")}`,
    "then",
    `    chmod +x ${script}`,
    `and keep ${app} where the web server has no URL for it`,
  ];
}
