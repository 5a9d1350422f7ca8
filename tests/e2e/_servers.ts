/**
 * The web servers of the end-to-end tests, and every way to an application through the
 * configurations of `examples/`, as data.
 */
import type { DifferenceId } from "./_differences.ts";
import type { WebServer } from "./_web_server.ts";

/** One way to an application through a configuration. */
export interface Way {
  name: string;
  port: number;
  /** Where the application is mounted. */
  mount: string;
  /**
   * The application: one on a Unix socket, one on a TCP port, or one that the server has started.
   */
  app: "unix" | "tcp" | "spawned";
  /** What is not as it is elsewhere. */
  differences: readonly DifferenceId[];
}

/** A configuration of `examples/` with all its ways. */
export interface Setup {
  /** As a person would call it. */
  title: string;
  server: WebServer;
  /** How a line that an application logs looks in the server's error log; `null`: not at all. */
  logged: ((line: string) => string) | null;
  /** The application on a TCP port, if there is one. */
  tcp?: { port: number; basePath?: string };
  /** Whether its applications are more than one process, and so need a board in files. */
  isShared?: boolean;
  /** The application that the server starts. */
  spawned?: {
    /** The executable script that the configuration names. */
    script: string;
    /** The file that its standard error is written to. */
    log: string;
    /** Lines there that are not its own. */
    others?: RegExp;
  };
  ways: readonly Way[];
}

const MOUNT = "/app";

/** Where Debian has Apache's modules. */
const MODULES = "/usr/lib/apache2/modules/";

// The differences that the ways of a server have in common.

/** nginx's, with its own parameters: `fastcgi.conf`. */
const BUFFERED: readonly DifferenceId[] = ["streams if asked"];
/** nginx's, with Debian's: `fastcgi_params`. */
const STOCK: readonly DifferenceId[] = [...BUFFERED, "port taken out of Host"];
const LIGHTTPD: readonly DifferenceId[] = [
  "bytes outside UTF-8 refused",
  "cut bodies look whole",
  "empty headers dropped",
  "gone unseen",
  "streams never",
];
const APACHE_REPAIRED: readonly DifferenceId[] = [
  "cookies joined with a comma",
  "gone unseen until the application writes",
];
const APACHE: readonly DifferenceId[] = [
  ...APACHE_REPAIRED,
  "Authorization kept back",
  "encoded slash refused",
  "length left out",
  "streams in blocks",
];
const FCGID_REPAIRED: readonly DifferenceId[] = [
  "cookies joined with a comma",
  "gone unseen until the application writes",
  "large cut bodies look whole",
  "one request at a time for each process",
  "streams never",
];
const FCGID: readonly DifferenceId[] = [
  ...FCGID_REPAIRED,
  "Authorization kept back",
  "encoded slash refused",
];
const CADDY: readonly DifferenceId[] = [
  "X-Forwarded headers rewritten",
  "cookies joined with a comma",
  "cut bodies look whole",
  "gone unseen until the application writes",
  "log lines lost",
];
const HAPROXY: readonly DifferenceId[] = [
  "gone unseen until the application writes",
  "large chunked uploads refused",
  "raw bytes refused",
];

/** The set-ups by a short name, which is the start of their tests' file name. */
export const SETUPS = {
  nginx: {
    title: "nginx",
    server: {
      command: "nginx",
      configuration: "nginx/nginx.conf",
      args: (file) => ["-p", ".", "-e", "error.log", "-c", file],
      // Workers of a root's nginx are another user, who may not open the socket of an application
      // that root has started.
      rootArgs: ["-g", "user root;"],
      needs: ["/etc/nginx/fastcgi_params", "/etc/nginx/fastcgi.conf"],
      log: "error.log",
    },
    logged: (line) => `FastCGI sent in stderr: "${line}`,
    tcp: { port: 9000, basePath: MOUNT },
    ways: [
      { name: "Unix socket", port: 8180, mount: "", app: "unix", differences: STOCK },
      {
        name: "Unix socket, mounted",
        port: 8180,
        mount: MOUNT,
        app: "unix",
        differences: [...STOCK, "mount point unknown"],
      },
      { name: "TCP", port: 8181, mount: "", app: "tcp", differences: STOCK },
      {
        name: "TCP, mounted, basePath",
        port: 8181,
        mount: MOUNT,
        app: "tcp",
        differences: STOCK,
      },
      { name: "kept connections", port: 8182, mount: "", app: "unix", differences: STOCK },
      {
        name: "no buffers",
        port: 8183,
        mount: "",
        app: "unix",
        differences: ["port taken out of Host"],
      },
      {
        name: "flup's recipe, mounted",
        port: 8184,
        mount: MOUNT,
        app: "unix",
        differences: STOCK,
      },
      { name: "flup's recipe, root", port: 8184, mount: "", app: "unix", differences: STOCK },
      { name: "fastcgi.conf", port: 8185, mount: "", app: "unix", differences: BUFFERED },
      {
        name: "fastcgi_split_path_info",
        port: 8185,
        mount: MOUNT,
        app: "unix",
        differences: BUFFERED,
      },
    ],
  },

  lighttpd: {
    title: "lighttpd, remote",
    server: {
      command: "lighttpd",
      configuration: "lighttpd/lighttpd.conf",
      args: (file) => ["-D", "-f", file],
      log: "error.log",
    },
    logged: (line) => `FastCGI-stderr:${line}`,
    tcp: { port: 9001 },
    ways: [
      {
        name: '"/", fix-root-scriptname',
        port: 8190,
        mount: "",
        app: "unix",
        differences: LIGHTTPD,
      },
      {
        name: '"/"',
        port: 8191,
        mount: "",
        app: "unix",
        differences: [...LIGHTTPD, "first segment taken for the mount point"],
      },
      { name: '"/app"', port: 8192, mount: MOUNT, app: "tcp", differences: LIGHTTPD },
      {
        name: "no buffers",
        port: 8193,
        mount: "",
        app: "unix",
        differences: [
          "bytes outside UTF-8 refused",
          "empty headers dropped",
          "gone unseen until the application writes",
          "length required",
        ],
      },
    ],
  },

  lighttpd_spawned: {
    title: "lighttpd, spawned",
    server: {
      command: "lighttpd",
      configuration: "lighttpd/lighttpd-spawn.conf",
      args: (file) => ["-D", "-f", file],
      log: "error.log",
    },
    logged: (line) => `FastCGI-stderr:${line}`,
    spawned: { script: "app.fcgi.ts", log: "application.log" },
    ways: [
      { name: '"/", Unix socket', port: 8195, mount: "", app: "spawned", differences: LIGHTTPD },
      {
        name: '"/app", TCP',
        port: 8196,
        mount: MOUNT,
        app: "spawned",
        differences: LIGHTTPD,
      },
    ],
  },

  apache: {
    title: "Apache mod_proxy_fcgi",
    server: {
      command: "apache2",
      configuration: "apache/proxy_fcgi.conf",
      needs: [`${MODULES}mod_proxy_fcgi.so`],
      log: "error.log",
    },
    logged: (line) => `AH01071: Got error '${line}`,
    tcp: { port: 9003 },
    // The balancer's.
    isShared: true,
    ways: [
      { name: "ProxyPass, TCP", port: 8200, mount: "", app: "tcp", differences: APACHE },
      {
        name: "ProxyPass, Unix socket, mounted",
        port: 8201,
        mount: MOUNT,
        app: "unix",
        differences: [...APACHE, "mount point unknown"],
      },
      {
        name: "SetHandler",
        port: 8202,
        mount: "",
        app: "unix",
        differences: [...APACHE, "first segment taken for the mount point"],
      },
      {
        name: "enablereuse and all let through",
        port: 8203,
        mount: "",
        app: "tcp",
        differences: APACHE_REPAIRED,
      },
      { name: "balancer", port: 8204, mount: "", app: "unix", differences: APACHE },
    ],
  },

  fcgid: {
    title: "Apache mod_fcgid",
    server: {
      command: "apache2",
      configuration: "apache/fcgid.conf",
      needs: [`${MODULES}mod_fcgid.so`],
      startsPrograms: true,
      log: "error.log",
    },
    logged: (line) => line,
    spawned: { script: "app.fcgi.ts", log: "error.log", others: /^\[/ },
    isShared: true,
    ways: [
      {
        name: "the script alone",
        port: 8210,
        mount: `${MOUNT}.fcgi.ts`,
        app: "spawned",
        differences: FCGID,
      },
      {
        name: "ScriptAlias, mounted",
        port: 8211,
        mount: MOUNT,
        app: "spawned",
        differences: FCGID,
      },
      { name: "ScriptAlias /", port: 8212, mount: "", app: "spawned", differences: FCGID_REPAIRED },
    ],
  },

  caddy: {
    title: "Caddy",
    server: {
      command: "caddy",
      versionArgs: ["version"],
      configuration: "caddy/Caddyfile",
      args: (file) => ["run", "--config", file],
      env: { XDG_CONFIG_HOME: ".", XDG_DATA_HOME: "." },
      log: "stderr",
    },
    logged: null,
    tcp: { port: 9004 },
    ways: [
      {
        name: "Unix socket",
        port: 8220,
        mount: "",
        app: "unix",
        differences: [...CADDY, "streams events"],
      },
      {
        name: "TCP, split",
        port: 8221,
        mount: MOUNT,
        app: "tcp",
        differences: [...CADDY, "streams events"],
      },
      {
        name: "handle_path",
        port: 8222,
        mount: MOUNT,
        app: "unix",
        differences: [...CADDY, "streams events"],
      },
      { name: "no buffer", port: 8223, mount: "", app: "unix", differences: CADDY },
    ],
  },

  haproxy: {
    title: "HAProxy",
    server: {
      command: "haproxy",
      configuration: "haproxy/haproxy.cfg",
      args: (file) => ["-db", "-f", file],
      log: "stdout",
    },
    logged: (line) => line,
    tcp: { port: 9005 },
    ways: [
      { name: "Unix socket", port: 8230, mount: "", app: "unix", differences: HAPROXY },
      {
        name: "TCP, path-info",
        port: 8231,
        mount: MOUNT,
        app: "tcp",
        differences: [...HAPROXY, "Authorization kept back", "log lines lost"],
      },
      {
        name: "get-values, mpxs-conns",
        port: 8232,
        mount: "",
        app: "unix",
        differences: ["gone unseen", "large chunked uploads refused", "raw bytes refused"],
      },
    ],
  },
} as const satisfies Record<string, Setup>;

/** The short name of a set-up. */
export type SetupName = keyof typeof SETUPS;
