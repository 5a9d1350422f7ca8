/** Caddy: a Caddyfile. */
import { nameOf } from "../target.ts";
import { type Configuration, hintsOn, indent, type Site, siteName, when } from "./kind.ts";
import { quoteFor } from "./quote.ts";

/** Braces are for placeholders, a colon begins a port, and files are found by patterns. */
const quote = quoteFor("Caddy", "{}:[*?");
const INDENT = "\t";

/** A site block. With a host that the world knows, and without `http://`, it has TLS. */
export function caddy(site: Site): Configuration {
  const { address, host, port, basePath, root } = site;
  const upstream = "path" in address ? quote(address.path, "--socket", "unix/") : nameOf(address);
  const proxy = block(`reverse_proxy ${upstream}`, [
    ...basePath === "" ? ["transport fastcgi"] : block("transport fastcgi", [
      "# Where the application is mounted.",
      `split ${basePath}`,
    ]),
  ]);
  const isWhole = basePath === "" && root === undefined;
  return {
    lines: [
      "# Without http:// and a port, Caddy gets a certificate for the name by itself.",
      ...block(`http://${host}${port === 80 ? "" : `:${port}`}`, [
        ...root === undefined ? [] : filesFirst(quote(root, "--root")),
        ...when(basePath !== "", `@application path ${basePath} ${basePath}/*`),
        ...isWhole ? proxy : block(basePath === "" ? "handle" : "handle @application", proxy),
        ...basePath === ""
          ? []
          : block("handle", [root === undefined ? "respond 404" : "file_server"]),
      ]),
    ],
    hints: [
      "Put it into /etc/caddy/Caddyfile, then",
      "    caddy validate --config /etc/caddy/Caddyfile && systemctl reload caddy",
      ...hintsOn(site),
    ],
    test: {
      program: "caddy",
      args: (directory) => [
        "adapt",
        "--validate",
        "--adapter",
        "caddyfile",
        "--config",
        `${directory}/${siteName(site)}.Caddyfile`,
      ],
      files: (text) => ({ [`${siteName(site)}.Caddyfile`]: text }),
    },
  };
}

function filesFirst(root: string): readonly string[] {
  return [
    `root * ${root}`,
    "# Files are Caddy's, all else is the application's.",
    ...block("@files", ["file", "not path */"]),
    ...block("handle @files", ["file_server"]),
  ];
}

function block(head: string, lines: readonly string[]): readonly string[] {
  return [`${head} {`, ...indent(INDENT, lines), "}"];
}
