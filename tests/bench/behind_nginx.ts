// Sections "nginx" and "stock": wrk → nginx → the server. Only the CPU time of the server counts;
// nginx and wrk share the other core and are, for a fast server, the limit of the requests per
// second. wrk corrects its latencies for the requests it could not send while it waited, so one
// stall weighs more here than in section "direct".

import { type Case, HEADERS } from "./cases.ts";
import { cpuTime } from "./cpu_time.ts";
import type { Daemon } from "./daemon.ts";
import { NotRun } from "./not_run.ts";
import { CONNECTIONS, type Sample } from "./sample.ts";
import { output } from "./tools.ts";

const UNITS: Record<string, number> = { us: 1, ms: 1e3, s: 1e6, m: 60e6 };

export class BehindNginx {
  readonly note = "";
  #wrk: string[];
  #url: string;
  #server: Daemon;
  #case: Case;

  /** `wrk` is the command, pinned; `origin` is nginx's. */
  constructor(wrk: string[], origin: string, server: Daemon, kase: Case) {
    const headers = Object.entries(HEADERS).flatMap(([name, value]) => ["-H", `${name}: ${value}`]);
    this.#wrk = [...wrk, "-t1", `-c${CONNECTIONS}`, "--latency", "--timeout=10s", ...headers];
    this.#url = origin + kase.url;
    this.#server = server;
    this.#case = kase;
  }

  /** Is the reply right, and right again on the connection that nginx kept? */
  async verify(): Promise<void> {
    const { reply, cookie = null } = this.#case;
    for (let i = 0; i < 3; i++) {
      const signal = AbortSignal.timeout(5000);
      const response = await fetch(this.#url, { headers: HEADERS, signal });
      const body = await response.text();
      const set = response.headers.get("set-cookie");
      if (response.status === 200 && body === reply && set === cookie) continue;
      const said = JSON.stringify(body.slice(0, 80));
      throw new NotRun(`wrong reply: ${response.status} ${said}, cookie ${set}`);
    }
  }

  async measure(seconds: number): Promise<Sample> {
    const before = await cpuTime(this.#server.pid);
    const { stdout } = await output([...this.#wrk, `-d${Math.ceil(seconds)}s`, this.#url]);
    const cpu = await cpuTime(this.#server.pid) - before;
    await this.#server.assertAlive();
    const trouble = /Socket errors.*|Non-2xx.*/.exec(stdout)?.[0];
    if (trouble) throw new NotRun(trouble);
    const requests = Number(/(\d+) requests in/.exec(stdout)?.[1]);
    if (!requests) throw new NotRun("no request was answered");
    const latency = (percent: number) => {
      const [, value, unit] = new RegExp(`^ +${percent}% +([\\d.]+)(\\w+)`, "m").exec(stdout) ?? [];
      return Number(value) * UNITS[unit];
    };
    const rps = Number(/Requests\/sec: +([\d.]+)/.exec(stdout)?.[1]);
    return { cpu: cpu / requests, rps, p50: latency(50), p99: latency(99) };
  }
}
