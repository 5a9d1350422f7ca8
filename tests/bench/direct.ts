// Section "direct": fcgiload straight on the FastCGI socket of the server. The same program that
// makes the load asks once for the reply itself, so what is checked is what is timed.

import type { Case } from "./cases.ts";
import type { Daemon } from "./daemon.ts";
import { NotRun } from "./not_run.ts";
import { CONNECTIONS, type Sample } from "./sample.ts";
import { output } from "./tools.ts";

/** What fcgiload prints. */
interface LoadReport {
  requests: number;
  rps: number;
  p50_us: number;
  p99_us: number;
  stdout_bytes: number;
  errors: number;
  idle_conns: number;
  cpu_us_per_req: number;
}

export interface DirectTarget {
  /** fcgiload, pinned: the command without arguments. */
  fcgiload: string[];
  socket: string;
  server: Daemon;
  /** Parameters beyond those that every server gets, NAME=VALUE. */
  params: string[];
}

export class Direct {
  #base: string[];
  #server: Daemon;
  #reply: string;
  #closes = false;
  #replySize = 0;

  constructor({ fcgiload, socket, server, params }: DirectTarget, kase: Case) {
    const { url, post = 0, extraHeaders = 0, newConnections } = kase;
    this.#base = [...fcgiload, "-s", `unix:${socket}`, "-u", url, "-b", `${post}`];
    this.#base.push("-x", `${extraHeaders}`, ...params.flatMap((pair) => ["-p", pair]));
    if (newConnections) this.#base.push("-K");
    this.#server = server;
    this.#reply = kase.reply;
  }

  /** For the table: what is different about this server. */
  get note(): string {
    return this.#closes ? "closes after each reply: one connection per request" : "";
  }

  /** Is the reply right, and does the connection live on? */
  async verify(): Promise<void> {
    const once = await output([...this.#base, "-c1", "-n1", "-v"]);
    const [, head, body] = /^([^]*?)\r?\n\r?\n([^]*)$/.exec(once.stdout) ?? [];
    const start = JSON.stringify(once.stdout.slice(0, 200));
    if (body !== this.#reply) throw new NotRun(`wrong reply: ${start}`);
    const status = /^status:\s*(\d+)/im.exec(head)?.[1] ?? "200";
    if (status !== "200") throw new NotRun(`wrong reply: status ${status}`);
    this.#replySize = once.stdout.length;
    const twice = JSON.parse((await output([...this.#base, "-c1", "-n2"])).stdout) as LoadReport;
    this.#closes = twice.errors > 0;
  }

  async measure(seconds: number): Promise<Sample> {
    const how = ["-c", `${CONNECTIONS}`, "-t", `${seconds}`, "-P", `${this.#server.pid}`];
    if (this.#closes) how.push("-K");
    const report = JSON.parse((await output([...this.#base, ...how])).stdout) as LoadReport;
    await this.#server.assertAlive();
    const { requests, errors, idle_conns: idle } = report;
    if (errors > 0) throw new NotRun(`${errors} errors in ${requests} requests`);
    if (idle > 0) throw new NotRun(`${idle} of ${CONNECTIONS} connections were never answered`);
    // Replies that were under way at the end are counted in part.
    const strange = report.stdout_bytes - requests * this.#replySize;
    if (strange < 0 || strange > CONNECTIONS * this.#replySize) {
      throw new NotRun(`replies of another size than ${this.#replySize} bytes under load`);
    }
    return {
      cpu: report.cpu_us_per_req,
      rps: report.rps,
      p50: report.p50_us,
      p99: report.p99_us,
    };
  }
}
