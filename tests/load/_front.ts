/**
 * nginx and HAProxy in front of several hosts, each with its configuration of `examples/` as it is:
 * how a host is drained, and which hosts a request was given to.
 */
import { copyFile, readFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { childrenOf } from "../cli/workers/_pool.ts";
import { spawnProgram, tempDir, waitUntil, which } from "../_runtime.ts";
import type { Machine } from "./_network.ts";

/** The hosts, in the order of their addresses: 10.77.0.11 and so on. */
export const HOSTS = ["one", "two", "three"] as const;
export type HostName = typeof HOSTS[number];
export const WEB_ADDRESS = "10.77.0.1";
export const addressOf = (host: HostName) => `10.77.0.${11 + HOSTS.indexOf(host)}`;

/** A web server in front of the hosts. */
export interface Front extends AsyncDisposable {
  readonly port: number;
  /** Gives a host nothing more; resolves when what it had is over. */
  drain(host: HostName): Promise<void>;
  /** Takes that back. */
  restore(host: HostName): Promise<void>;
  /** The hosts that each request was sent to, by its number, the last one last. */
  givenTo(): Promise<Map<number, HostName[]>>;
  /** Whether it has seen that a host was not there. */
  hasMissed(host: HostName): boolean | Promise<boolean>;
  /** What it has to say if something goes wrong. */
  errorLog(): Promise<string>;
  /** What its log says of one request. */
  linesOf(id: number): Promise<string>;
}

export interface FrontKind {
  name: string;
  start(machine: Machine): Promise<Front>;
}

const nginx = await which("nginx");
const haproxy = await which("haproxy");
const fileOf = (name: string) => fileURLToPath(new URL(`../../examples/${name}`, import.meta.url));

export const FRONTS: readonly FrontKind[] = [
  { name: "nginx", start: startNginx },
  { name: "HAProxy", start: startHaproxy },
];

/** The reason why they cannot be tested here, or `false`. */
export const skipFronts: string | false = nginx === null
  ? "nginx is not installed"
  : haproxy === null && "haproxy is not installed";

async function startNginx(machine: Machine): Promise<Front> {
  await using stack = new AsyncDisposableStack();
  const { path: cwd } = stack.use(await tempDir(0o755));
  // It is edited to drain a host.
  const file = join(cwd, "nginx.conf");
  await copyFile(fileOf("nginx/several_hosts.conf"), file);
  const [command, ...args] = [...machine.starter, nginx!, "-p", ".", "-e", "error.log", "-c", file];
  const program = stack.use(await spawnProgram(command!, [...args, "-g", "user root;"], { cwd }));
  const errorLog = () => readFile(join(cwd, "error.log"), "utf8").catch(() => "");
  await waitUntil(() => readFile(join(cwd, "nginx.pid"), "utf8").catch(() => ""), {
    what: "nginx to start",
  }).catch(async (error) => {
    throw new Error(`${error.message}: ${program.stderr.text} ${await errorLog()}`);
  });
  /** What the page says: the file is edited, and nginx told. */
  const edit = async (script: string) => {
    const before = await childrenOf(program.pid);
    await using sed = await spawnProgram("sed", ["-i", script, file]);
    await sed.exit;
    program.kill("SIGHUP");
    await waitUntil(async () => {
      const now = await childrenOf(program.pid);
      return now.length > 0 && !now.some((pid) => before.includes(pid));
    }, { what: "the end of nginx's old workers", timeout: 20_000 });
  };
  const disposable = stack.move();
  return {
    port: 8186,
    drain: (host) => edit(`s/server ${addressOf(host)}:9000/& down/`),
    restore: (host) =>
      edit(`s/server ${addressOf(host)}:9000 down/server ${addressOf(host)}:9000/`),
    async givenTo() {
      const log = await readFile(join(cwd, "access.log"), "utf8");
      return new Map(
        [...log.matchAll(/\/\?id=(\d+)\S* HTTP\S* \d+ \S+ to ([^\n]*): /g)].map(
          ([, id, addresses]) => [
            Number(id),
            [...addresses!.matchAll(/10\.77\.0\.1(\d):9000/g)].map(([, n]) =>
              HOSTS[Number(n) - 1]!
            ),
          ],
        ),
      );
    },
    hasMissed: async (host) =>
      new RegExp(`upstream: "fastcgi://${addressOf(host)}`).test(await errorLog()),
    errorLog,
    async linesOf(id) {
      const logs = [await readFile(join(cwd, "access.log"), "utf8"), await errorLog()];
      return linesWith(logs.join(""), id);
    },
    [Symbol.asyncDispose]: () => disposable.disposeAsync(),
  };
}

async function startHaproxy(machine: Machine): Promise<Front> {
  await using stack = new AsyncDisposableStack();
  const { path: cwd } = stack.use(await tempDir(0o755));
  const file = fileOf("haproxy/several_hosts.cfg");
  const [command, ...args] = [...machine.starter, haproxy!, "-db", "-f", file];
  const program = stack.use(await spawnProgram(command!, args, { cwd }));
  const socket = join(cwd, "admin.sock");
  /** The fields of `show stat` that matter, by the host. */
  const stat = async (host: HostName) => {
    const lines = (await tell(socket, "show stat")).split("\n");
    const fields = lines.find((line) => line.startsWith(`app,${host},`))?.split(",") ?? [];
    return { sessions: Number(fields[4]), status: fields[17] };
  };
  const isUp = async (host: HostName) => (await stat(host).catch(() => null))?.status === "UP";
  for (const host of HOSTS) {
    await waitUntil(() => isUp(host), { what: `${host} to be up` }).catch((error) => {
      throw new Error(`${error.message}: ${program.stdout.text} ${program.stderr.text}`);
    });
  }
  const disposable = stack.move();
  return {
    port: 8233,
    async drain(host) {
      await tell(socket, `set server app/${host} state drain`);
      await waitUntil(async () => (await stat(host)).sessions === 0, { what: `${host} to drain` });
    },
    async restore(host) {
      await tell(socket, `set server app/${host} state ready`);
      await waitUntil(() => isUp(host), { what: `${host} to be up` });
    },
    givenTo: () =>
      Promise.resolve(
        new Map(
          [...program.stdout.text.matchAll(/ app\/(\w+) [^\n]*\/\?id=(\d+)/g)].map(
            ([, host, id]) => [Number(id), [host as HostName]],
          ),
        ),
      ),
    // By its health checks.
    hasMissed: (host) => program.stdout.text.includes(`Server app/${host} is DOWN`),
    errorLog: () => Promise.resolve(program.stderr.text),
    linesOf: (id) => Promise.resolve(linesWith(program.stdout.text, id)),
    [Symbol.asyncDispose]: () => disposable.disposeAsync(),
  };
}

function linesWith(log: string, id: number): string {
  return log.split("\n").filter((line) => line.includes(`/?id=${id}&`)).join("\n");
}

/** Says a line to HAProxy's runtime socket, as `socat` would. */
function tell(path: string, line: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path }, () => socket.write(`${line}\n`));
    let text = "";
    socket.setEncoding("utf8");
    socket.on("data", (chunk: string) => text += chunk);
    socket.on("error", reject);
    socket.on("close", () => resolve(text));
  });
}
