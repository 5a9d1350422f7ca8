/** nginx: a file of its `http` block. */
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

const quote = quoteFor("nginx", "$");
const INDENT = "    ";

/** Where nginx keeps what it buffers, which it makes for a test, too. */
const TEMP_PATHS = ["client_body", "fastcgi", "proxy", "uwsgi", "scgi"];

/** A `server` block, and an `upstream` for connections that are kept. */
export function nginx(site: Site): Configuration {
  const { sockets, host, port, basePath, root, isShared } = site;
  const servers = sockets.map((socket) =>
    "path" in socket ? quote(socket.path, "--socket", "unix:") : nameOf(socket)
  );
  const name = `fcgi_${siteName(site)}`;
  const mount = patternOf(basePath);
  const pass = [
    ...when(basePath !== "", `fastcgi_split_path_info ^(${mount})(/.*)?$;`),
    "include fastcgi_params;",
    ...when(basePath !== "", "fastcgi_param PATH_INFO $fastcgi_path_info;"),
    "# With the port: some fastcgi_params take it out.",
    "fastcgi_param HTTP_HOST $http_host;",
    ...isShared
      ? [
        `fastcgi_pass ${servers[0]};`,
        "# No fastcgi_keep_conn: connections that are kept stay with the worker that has taken them,",
        "# often all with one.",
      ]
      : [
        `fastcgi_pass ${name};`,
        ...when(
          servers.length === 1,
          "# For one process: with workers, print this again with --workers.",
        ),
        "fastcgi_keep_conn on;",
      ],
  ];
  const where = basePath === "" ? "/" : `~ ^${mount}(?:/|$)`;
  return {
    lines: [
      ...when(
        !isShared,
        `upstream ${name} {`,
        ...when(
          servers.length > 1,
          `${INDENT}# A socket for each worker: to the one that has the least to do.`,
          `${INDENT}least_conn;`,
        ),
        ...servers.map((server) => `${INDENT}server ${server};`),
        `${INDENT}keepalive ${8 * servers.length};`,
        "}",
        "",
      ),
      "server {",
      ...indent(INDENT, [
        `listen ${port};`,
        `listen [::]:${port};`,
        `server_name ${host};`,
        ...root === undefined ? [] : [`root ${quote(root, "--root")};`, "index index.html;"],
        "# As much as fcgi serve takes. nginx's own limit is 1m.",
        "client_max_body_size 128m;",
        "",
        ...root === undefined ? block(`location ${where}`, pass) : [
          ...block(`location ${where}`, ["try_files $uri @application;"]),
          "",
          ...block("location @application", pass),
        ],
        ...basePath === "" || root !== undefined
          ? []
          : ["", ...block("location /", ["return 404;"])],
      ]),
      "}",
    ],
    hints: [
      `Put it into /etc/nginx/conf.d/${siteName(site)}.conf, then`,
      "    nginx -t && systemctl reload nginx",
      ...hintsOn(site),
    ],
    test: {
      program: "nginx",
      args: (directory) => ["-t", "-q", "-e", "stderr", "-p", directory, "-c", "nginx.conf"],
      files: (text) => ({
        "nginx.conf": [
          "error_log stderr;",
          "pid nginx.pid;",
          "events {}",
          "http {",
          ...TEMP_PATHS.map((path) => `${path}_temp_path ${path}_temp;`),
          "include site.conf;",
          "}",
          "",
        ].join("\n"),
        "site.conf": text,
        // That of the package stands beside its nginx.conf.
        "fastcgi_params": "",
      }),
    },
  };
}

function block(head: string, lines: readonly string[]): readonly string[] {
  return [`${head} {`, ...indent(INDENT, lines), "}"];
}
