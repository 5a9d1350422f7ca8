// Section B: wrk → nginx → the server. Only the CPU time of the server counts; nginx and wrk share
// the other core and are, for a fast server, the limit of the requests per second. wrk corrects its
// latencies for the requests it could not send while it waited, so one stall weighs more here than
// in section A.

import { cpuTime } from "./cpu_time.ts";
import type { Daemon } from "./daemon.ts";
import { NotRun } from "./not_run.ts";
import { BODY, CONNECTIONS, type Sample } from "./sample.ts";
import { output } from "./tools.ts";

/** The header of a browser, the same that fcgiload sends as HTTP_* parameters. */
const HEADERS = {
  "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
  "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
  "Accept-Language": "en-US,en;q=0.5",
  "Accept-Encoding": "gzip, deflate, br",
  "Connection": "keep-alive",
  "Cookie": "session=0123456789abcdef0123456789abcdef; theme=dark",
};

const UNITS: Record<string, number> = { us: 1, ms: 1e3, s: 1e6, m: 60e6 };

export class BehindNginx {
  readonly note = "";
  #wrk: string[];
  #url: string;
  #server: Daemon;

  /** `wrk` is the command, pinned; `origin` is nginx's. */
  constructor(wrk: string[], origin: string, server: Daemon) {
    const headers = Object.entries(HEADERS).flatMap(([name, value]) => ["-H", `${name}: ${value}`]);
    this.#wrk = [...wrk, "-t1", `-c${CONNECTIONS}`, "--latency", ...headers];
    this.#url = `${origin}/hello?name=world`;
    this.#server = server;
  }

  /** Is the reply right, and right again on the connection that nginx kept? */
  async verify(): Promise<void> {
    for (let i = 0; i < 3; i++) {
      const response = await fetch(this.#url, { signal: AbortSignal.timeout(5000) });
      const body = await response.text();
      if (response.status === 200 && body === BODY) continue;
      throw new NotRun(`wrong reply: ${response.status} ${JSON.stringify(body.slice(0, 80))}`);
    }
  }

  async measure(seconds: number): Promise<Sample> {
    const before = await cpuTime(this.#server.pid);
    const { stdout } = await output([...this.#wrk, `-d${seconds}s`, this.#url]);
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
