/**
 * A network of the test's own: network namespaces on one bridge, which is in the namespace of the
 * web server. Nothing of it can be seen, or reached, from outside.
 */
import { spawnSync } from "node:child_process";
import process from "node:process";
import { which } from "../_runtime.ts";

const ip = await which("ip");
const tc = await which("tc");
/** The names of our namespaces, each with the process that has made it. */
const OURS = /^fcgi-(\d+)-\d+-\w+$/;
const PREFIX_LENGTH = 24;

let networks = 0;
const open = new Set<Network>();
process.on("exit", () => open.forEach((network) => network.remove()));

/** The reason why there can be no networks here, or `false`. */
export const skipNetwork: string | false = reasonToSkip();

function reasonToSkip(): string | false {
  if (process.platform !== "linux") return "network namespaces are Linux's";
  if (ip === null || tc === null) return "iproute2 is not installed";
  if (process.getuid?.() !== 0) return "network namespaces take root";
  sweep();
  const name = nameOf("try");
  const made = run(ip, ["netns", "add", name]);
  if (made.status === 0) run(ip, ["netns", "delete", name]);
  return made.status !== 0 && `no network namespaces here: ${made.stderr.trim()}`;
}

/** One machine of a network: a namespace with an address. */
export class Machine {
  readonly name: string;
  readonly address: string;
  /** The namespace. */
  readonly namespace: string;
  /** The bridge's end of its cable. */
  readonly #port: string;
  readonly #hub: string;

  constructor(name: string, address: string, namespace: string, hub: string) {
    this.name = name;
    this.address = address;
    this.namespace = namespace;
    this.#hub = hub;
    this.#port = `to-${name}`;
  }

  /** What starts a program on this machine. */
  get starter(): string[] {
    return [ip!, "netns", "exec", this.namespace];
  }

  /** The processes on it. */
  pids(): number[] {
    const { stdout } = run(ip!, ["netns", "pids", this.namespace]);
    return stdout.split("\n").filter((line) => line !== "").map(Number);
  }

  /** Sends a signal to every process on it. */
  signal(signal: NodeJS.Signals): void {
    for (const pid of this.pids()) {
      try {
        process.kill(pid, signal);
      } catch {
        // It has just ended.
      }
    }
  }

  /** Pulls the cable, or puts it in again. */
  setLink(state: "up" | "down"): void {
    must(ip!, ["-n", this.#hub, "link", "set", this.#port, state]);
  }

  /** Lets so much pass in each direction, or everything again. */
  setRate(rate: string | null): void {
    const ends = [[this.#hub, this.#port], [this.namespace, "eth0"]] as const;
    for (const [namespace, device] of ends) {
      // What waits in a queue that is taken away would be lost.
      const [most, burst] = rate === null ? ["1gbit", "1mb"] : [rate, "8kb"];
      const queue = ["tbf", "rate", most!, "burst", burst!, "latency", "400ms"];
      must(tc!, ["-n", namespace, "qdisc", "replace", "dev", device, "root", ...queue]);
    }
  }
}

/** The machines, by the order of their addresses; the first has the bridge. */
export class Network implements Disposable {
  readonly machines: readonly Machine[];

  /** @param addresses By the name of the machine. */
  constructor(addresses: Record<string, string>) {
    networks++;
    const entries = Object.entries(addresses);
    const hub = nameOf(entries[0]![0]);
    this.machines = entries.map(([name, address]) => new Machine(name, address, nameOf(name), hub));
    open.add(this);
    try {
      for (const machine of this.machines) this.#add(machine, hub);
    } catch (error) {
      this.remove();
      throw error;
    }
  }

  #add({ name, address, namespace }: Machine, hub: string): void {
    must(ip!, ["netns", "add", namespace]);
    const device = namespace === hub ? "bridge" : "eth0";
    if (namespace === hub) must(ip!, ["-n", hub, "link", "add", device, "type", "bridge"]);
    else {
      const port = `to-${name}`;
      const ends = [port, "type", "veth", "peer", "name", "eth0", "netns", namespace];
      must(ip!, ["-n", hub, "link", "add", ...ends]);
      must(ip!, ["-n", hub, "link", "set", port, "master", "bridge", "up"]);
    }
    must(ip!, ["-n", namespace, "address", "add", `${address}/${PREFIX_LENGTH}`, "dev", device]);
    must(ip!, ["-n", namespace, "link", "set", device, "up"]);
    must(ip!, ["-n", namespace, "link", "set", "lo", "up"]);
  }

  /** Ends all that runs on the machines, and takes them away. */
  remove(): void {
    open.delete(this);
    for (const { namespace } of this.machines) removeNamespace(namespace);
  }

  [Symbol.dispose](): void {
    this.remove();
  }
}

/** Takes away what a test has left behind that could not end by itself. */
function sweep(): void {
  for (const line of run(ip!, ["netns", "list"]).stdout.split("\n")) {
    const [name = ""] = line.split(" ");
    const [, pid] = OURS.exec(name) ?? [];
    if (pid !== undefined && !isAlive(Number(pid))) removeNamespace(name);
  }
}

function removeNamespace(name: string): void {
  const { stdout } = run(ip!, ["netns", "pids", name]);
  for (const pid of stdout.split("\n")) if (pid !== "") run("kill", ["-KILL", pid]);
  run(ip!, ["netns", "delete", name]);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function nameOf(machine: string): string {
  return `fcgi-${process.pid}-${networks}-${machine}`;
}

function must(command: string, args: string[]): void {
  const { status, stderr } = run(command, args);
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${stderr.trim()}`);
}

function run(command: string, args: string[]) {
  return spawnSync(command, args, { encoding: "utf8" });
}
