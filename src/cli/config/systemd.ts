/** systemd: a socket that it holds, and the service behind that. */
import { UsageError } from "../command.ts";
import { nameOf } from "../target.ts";
import { type Address, type Configuration, type TcpAddress, when } from "./kind.ts";
import { quoteFor } from "./quote.ts";

const check = quoteFor("systemd", "");
const DIRECTORY = "/etc/systemd/system";
/** Above what `fcgi serve` takes for a stop: 7 s alone, 32 with workers. */
const STOP = { alone: 15, pool: 45 };

/** A service. */
export interface Unit {
  readonly address: Address;
  /** The absolute path of the application's module. */
  readonly app: string;
  /** The command line of `fcgi`. */
  readonly command: readonly string[];
  readonly workers: string | undefined;
  /** Whether Deno is what runs it. */
  readonly isDeno: boolean;
  readonly basePath: string;
  readonly user: string;
  readonly group: string;
}

/** Two units, each below a comment with the name of its file. */
export function systemd(unit: Unit): Configuration {
  const { app, workers } = unit;
  const name = unitName(app);
  return {
    lines: [
      `# ==> ${DIRECTORY}/${name}.socket <==`,
      ...socketLines(unit, name),
      "",
      `# ==> ${DIRECTORY}/${name}.service <==`,
      ...serviceLines(unit, name),
    ],
    hints: [
      "These are two files. Behind the command that has made them, this writes both:",
      "    | awk '/^# ==> /{file=$3} file{print >file}'",
      "Then",
      `    systemctl daemon-reload && systemctl enable --now ${name}.socket ${name}.service`,
      `A restart loses no request: systemctl restart ${name}`,
      ...when(workers !== undefined, `A new release without a restart: systemctl reload ${name}`),
      `The user ${unit.user} must be able to read the application and to run ${unit.command[0]}`,
    ],
    test: {
      program: "systemd-analyze",
      args: (directory) => [
        "verify",
        "--man=no",
        `${directory}/${name}.socket`,
        `${directory}/${name}.service`,
      ],
      files: unitsIn,
    },
  };
}

/** The files in what was printed, by their names. */
function unitsIn(text: string): Record<string, string> {
  const [, ...parts] = text.split(/^# ==> .*\/(.*) <==$/m);
  return Object.fromEntries(
    parts.flatMap((name, i) => i % 2 === 0 ? [[name, parts[i + 1]!]] : []),
  );
}

function socketLines({ address, group, user }: Unit, name: string): readonly string[] {
  const isFile = "path" in address;
  return [
    "[Unit]",
    `Description=FastCGI socket of ${name}`,
    "",
    "[Socket]",
    "# systemd holds it while the application restarts: connections wait, none is refused.",
    `ListenStream=${isFile ? rest(address.path, "--socket") : numeric(address)}`,
    ...when(
      isFile,
      "# The web server is of this group, and may connect.",
      `SocketUser=${user}`,
      `SocketGroup=${group}`,
      "SocketMode=0660",
    ),
    "",
    "[Install]",
    "WantedBy=sockets.target",
  ];
}

function serviceLines(unit: Unit, name: string): readonly string[] {
  const { app, command, workers, isDeno, basePath, user, group } = unit;
  // To a process with a channel, Deno cannot pass descriptor 3 on, and Bun not 0.
  const isOnStdin = isDeno && workers !== undefined;
  const words = [
    ...[...command, "serve", app].map((text) => word(text, "A path in the command line")),
    ...isOnStdin ? ["--fd", "0"] : [],
    ...workers === undefined ? [] : ["--workers", workers],
    ...basePath === "" ? [] : ["--base-path", basePath],
  ];
  return [
    "[Unit]",
    `Description=${name} over FastCGI`,
    `Requires=${name}.socket`,
    `After=network.target ${name}.socket`,
    "",
    "[Service]",
    "Type=exec",
    `ExecStart=${words.join(" ")}`,
    ...when(workers !== undefined, "ExecReload=/bin/kill -HUP $MAINPID"),
    ...when(
      isOnStdin,
      "# Where --fd 0 finds the socket; the output would go there, too.",
      "StandardInput=socket",
      "StandardOutput=journal",
      "StandardError=journal",
    ),
    "# SIGTERM for the first process alone, which tells the others.",
    "KillMode=mixed",
    "# Longer than fcgi serve takes to answer what it has begun.",
    `TimeoutStopSec=${workers === undefined ? STOP.alone : STOP.pool}`,
    "Restart=on-failure",
    "RestartSec=1",
    `User=${user}`,
    `Group=${group}`,
    `WorkingDirectory=${rest(directoryOf(app), "--app")}`,
    ...when(
      isDeno,
      "# What the application imports from elsewhere.",
      `CacheDirectory=${name}`,
      `Environment=DENO_DIR=/var/cache/${name}`,
    ),
    "# What it cannot do then. No MemoryDenyWriteExecute=: JavaScript is compiled at run time.",
    "NoNewPrivileges=yes",
    "CapabilityBoundingSet=",
    "PrivateTmp=yes",
    "PrivateDevices=yes",
    "ProtectSystem=full",
    "ProtectControlGroups=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelTunables=yes",
    "RestrictSUIDSGID=yes",
    "",
    "[Install]",
    "WantedBy=multi-user.target",
  ];
}

/** A word of a command line. */
function word(text: string, what: string): string {
  return check(text, what).replaceAll("%", "%%").replaceAll("$", "$$$$");
}

/** A value that goes on to the end of its line. */
function rest(text: string, what: string): string {
  check(text, what);
  if (text === text.trim()) return text.replaceAll("%", "%%");
  throw new UsageError(`${what} cannot end in a space: systemd would not see it`);
}

function numeric(address: TcpAddress): string {
  const { hostname } = address;
  if (/^[\d.]+$/.test(hostname) || hostname.includes(":")) return nameOf(address);
  throw new UsageError(
    `--connect cannot be ${nameOf(address)}: systemd listens on IP addresses, such as ` +
      `127.0.0.1:${address.port}`,
  );
}

/** The name of the units: that of the module, without its extension. */
function unitName(app: string): string {
  const file = app.slice(app.lastIndexOf("/") + 1);
  return file.replace(/(?<=.)\.\w+$/, "").replace(/[^\w.-]/g, "_");
}

function directoryOf(file: string): string {
  return file.slice(0, file.lastIndexOf("/")) || "/";
}
