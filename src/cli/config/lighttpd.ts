/** lighttpd: a file of its `conf-enabled`. */
import {
  type Configuration,
  hintsOn,
  indent,
  patternOf,
  type Site,
  siteName,
  when,
} from "./kind.ts";
import { quoteFor } from "./quote.ts";

const quote = quoteFor("lighttpd", "", true);
/** Where requests go that are for no file; the application is told their own URL, REQUEST_URI. */
const INNER_PATH = "/.fcgi";

/** Conditions for the site, with `fastcgi.server` in them. */
export function lighttpd(site: Site): Configuration {
  const { address, host, port, basePath, root } = site;
  const isFilesFirst = root !== undefined;
  const server = [
    ...isFilesFirst ? filesFirst(root, basePath) : [],
    `fastcgi.server = ( "${isFilesFirst ? INNER_PATH : basePath || "/"}" => ((`,
    ...indent("  ", [
      ..."path" in address ? [`"socket" => ${quote(address.path, "--socket")},`] : [
        `"host" => "${address.hostname}",`,
        `"port" => ${address.port},`,
      ],
      "# The application answers paths that are no files.",
      `"check-local" => "disable",`,
      ...when(!isFilesFirst && basePath === "", `"fix-root-scriptname" => "enable",`),
    ]),
    ")) )",
  ];
  const inside = basePath === "" || isFilesFirst
    ? server
    : condition(`$HTTP["url"] =~ "^${patternOf(basePath)}(?:/|$)"`, server);
  const named = condition(`$HTTP["host"] == "${host}"`, inside);
  return {
    lines: [
      ...when(isFilesFirst, `server.modules += ( "mod_rewrite" )`),
      ...when(isFilesFirst && basePath !== "", `server.modules += ( "mod_setenv" )`),
      `server.modules += ( "mod_fastcgi" )`,
      "",
      // lighttpd itself listens on 80, by its main file.
      ...port === 80 ? named : condition(`$SERVER["socket"] == ":${port}"`, named),
    ],
    hints: [
      `Put it into /etc/lighttpd/conf-enabled/50-${siteName(site)}.conf, then`,
      "    lighttpd -tt -f /etc/lighttpd/lighttpd.conf && systemctl reload lighttpd",
      ...hintsOn(site),
    ],
    test: {
      program: "lighttpd",
      args: (directory) => ["-tt", "-f", `${directory}/lighttpd.conf`],
      files: (text) => ({
        "lighttpd.conf": `server.document-root = "/"\ninclude "site.conf"\n`,
        "site.conf": text,
      }),
    },
  };
}

function filesFirst(root: string, basePath: string): readonly string[] {
  return [
    `server.document-root = ${quote(root, "--root")}`,
    `index-file.names = ( "index.html" )`,
    "# Files are lighttpd's, all else is the application's, by a path that is not for clients.",
    `url.rewrite-once = ( "^/*${patternOf(INNER_PATH)}(?:[/?]|$)" => "/.none" )`,
    `url.rewrite-if-not-file = ( "^${patternOf(basePath)}(/[^?]*)?(?:\\?.*)?$" => ` +
    `"${INNER_PATH}$1" )`,
    ...when(
      basePath !== "",
      "# Where the application is mounted.",
      `$HTTP["url"] =~ "^${patternOf(basePath)}(?:/|$)" {`,
      `  setenv.add-environment = ( "SCRIPT_NAME" => "${basePath}" )`,
      "}",
    ),
  ];
}

function condition(head: string, lines: readonly string[]): readonly string[] {
  return [`${head} {`, ...indent("  ", lines), "}"];
}
