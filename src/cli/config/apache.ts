/** Apache with mod_proxy_fcgi: a file of its `sites-available`. */
import { nameOf } from "../target.ts";
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

const quote = quoteFor("Apache", "$%|#?", true);

/** A virtual host. */
export function apache(site: Site): Configuration {
  const { address, host, port, basePath, root, isShared } = site;
  const target = "path" in address
    ? `unix:${address.path}|fcgi://localhost${basePath || "/"}`
    : `fcgi://${nameOf(address)}${basePath || "/"}`;
  if ("path" in address) quote(address.path, "--socket");
  const modules = ["proxy_fcgi", "env", ...when(root !== undefined, "dir", "rewrite")].join(" ");
  const isAlone = basePath !== "" && root === undefined;
  return {
    lines: [
      ...when(port !== 80, `Listen ${port}`, ""),
      `<VirtualHost *:${port}>`,
      ...indent("  ", [
        `ServerName ${host}`,
        "# Or else a path with %2F in it is a 404, and the application hears nothing.",
        "AllowEncodedSlashes NoDecode",
        "# Or else Apache takes the Content-Length out of answers, and sends them in chunks.",
        "SetEnv ap_trust_cgilike_cl 1",
        ...when(
          isAlone,
          "# There are no files.",
          '<Location "/">',
          "  Require all denied",
          "</Location>",
        ),
        `<Location "${basePath || "/"}">`,
        ...when(isAlone, "  Require all granted"),
        "  # Or else the Authorization header stays here.",
        "  CGIPassAuth On",
        ...when(
          basePath !== "",
          "  # Where the application is mounted, which Apache does not say by itself.",
          `  ProxyFCGISetEnvIf "true" SCRIPT_NAME "${basePath}"`,
          `  ProxyFCGISetEnvIf "%{REQUEST_URI} =~ m#^${
            patternOf(basePath)
          }(/.*)?$#" PATH_INFO "$1"`,
        ),
        "</Location>",
        ...root === undefined ? [] : filesFirst(quote(root, "--root")),
        "# flushpackets: or else Apache passes on events and progress in blocks of 8 kB.",
        ...when(
          isShared,
          "# No enablereuse: connections that are kept stay with the worker that has taken them.",
        ),
        `ProxyPass "${basePath || "/"}" "${target}" flushpackets=on${
          isShared ? "" : " enablereuse=on"
        }`,
      ]),
      "</VirtualHost>",
    ],
    hints: [
      `Put it into /etc/apache2/sites-available/${siteName(site)}.conf, then`,
      `    a2enmod ${modules} && a2ensite ${siteName(site)}`,
      "    apachectl -t && systemctl restart apache2",
      ...hintsOn(site),
    ],
    test: {
      // With the server's own file: whether the modules are there depends on it.
      program: "apachectl",
      args: (directory) => ["-t", "-c", `Include "${directory}/site.conf"`],
      files: (text) => ({ "site.conf": text }),
    },
  };
}

function filesFirst(root: string): readonly string[] {
  return [
    `DocumentRoot ${root}`,
    "DirectoryIndex index.html",
    `<Directory ${root}>`,
    "  Require all granted",
    "  AllowOverride None",
    "</Directory>",
    "# Files are Apache's, all else is the application's.",
    "RewriteEngine On",
    `RewriteCond "%{DOCUMENT_ROOT}%{REQUEST_URI}" -f`,
    "RewriteRule ^ - [E=no-proxy:1]",
  ];
}
