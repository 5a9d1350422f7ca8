// One row of the report: a server with a case in a section, what it measured, and what went wrong.

import { BehindNginx } from "./behind_nginx.ts";
import type { Case } from "./cases.ts";
import type { Contender, Launch } from "./contenders.ts";
import type { Cores } from "./cores.ts";
import { Daemon } from "./daemon.ts";
import { Direct } from "./direct.ts";
import { disturbance } from "./disturbance.ts";
import { measureEngine } from "./in_memory.ts";
import { freePort, startNginx } from "./nginx.ts";
import { Missing, reasonOf } from "./not_run.ts";
import type { Sample } from "./sample.ts";
import type { Section } from "./sections.ts";

/** Everything a measurement needs that is the same for all rows. */
export interface Bench {
  cores: Cores;
  /** For sockets and configurations; removed at the end. */
  folder: string;
  fcgiload: string;
  nginx: string;
  wrk: string;
  /** The `src` of another commit that the engine is compared with, if any. */
  base: string;
  seconds: number;
  warmup: number;
}

export class Row {
  readonly samples: Sample[] = [];
  note = "";
  /** Share of a core that other programs took, in the worst round. */
  others = 0;
  /** Why there are no numbers, or no more of them: something is missing here, or it failed. */
  missing: string | undefined;
  failed: string | undefined;
  readonly section: Section;
  readonly case: Case;
  readonly contender: Contender;
  #launch: Launch | undefined;

  constructor(section: Section, kase: Case, contender: Contender) {
    this.section = section;
    this.case = kase;
    this.contender = contender;
  }

  /** Remembers how the server is started, once the section's tools are there. */
  prepare(tools: Promise<void>, launch: Promise<Launch>): Promise<void> {
    return this.#attempt(async () => {
      [, this.#launch] = await Promise.all([tools, launch]);
    });
  }

  get isOver(): boolean {
    return this.missing !== undefined || this.failed !== undefined;
  }

  /** One round: a fresh process, checked, warmed up, measured, stopped. */
  round(bench: Bench): Promise<void> {
    return this.#attempt(async () => {
      this.samples.push(await this.#measure(bench, this.#launch!));
    });
  }

  async #attempt(action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      this[error instanceof Missing ? "missing" : "failed"] = reasonOf(error);
    }
  }

  async #measure(bench: Bench, launch: Launch): Promise<Sample> {
    const { cores, base, seconds, warmup } = bench;
    if (this.section === "engine") {
      const target = { runtime: cores.server(launch.runtime!), base, seconds, warmup };
      return await this.#watch(() => measureEngine(target, this.case));
    }
    const folder = await Deno.makeTempDir({ dir: bench.folder });
    const socket = `${folder}/app.sock`;
    if (this.section === "gateway") return await this.#measureFront(bench, launch, folder);
    const command = cores.server(await launch.command(socket, folder));
    await using server = await Daemon.start(command, { transport: "unix", path: socket });
    if (this.section === "direct") {
      const fcgiload = cores.load([bench.fcgiload]);
      const target = { fcgiload, socket, server, params: launch.params ?? [] };
      return await this.#run(new Direct(target, this.case), bench);
    }
    const keeps = this.section === "nginx";
    const site = { upstream: this.contender.speaks, keeps, socket, folder };
    const { nginx, origin } = await startNginx(cores.load([bench.nginx]), site);
    await using _nginx = nginx;
    const wrk = cores.load([bench.wrk]);
    return await this.#run(new BehindNginx(wrk, origin, server, this.case), bench);
  }

  /** The application is on the other core, beside wrk. */
  async #measureFront(bench: Bench, launch: Launch, folder: string): Promise<Sample> {
    const { cores } = bench;
    const socket = `${folder}/app.sock`;
    const application = cores.load(await launch.command(socket, folder));
    await using _application = await Daemon.start(application, { transport: "unix", path: socket });
    const port = freePort();
    const site = { upstream: "fastcgi", keeps: false, socket, folder } as const;
    const { nginx: front, origin } = launch.front === undefined
      ? await startNginx(cores.server([bench.nginx]), site)
      : {
        nginx: await Daemon.start(cores.server(await launch.front(socket, port, folder)), {
          hostname: "127.0.0.1",
          port,
        }),
        origin: `http://127.0.0.1:${port}`,
      };
    await using _front = front;
    const wrk = cores.load([bench.wrk]);
    return await this.#run(new BehindNginx(wrk, origin, front, this.case), bench);
  }

  async #run(load: Direct | BehindNginx, { seconds, warmup }: Bench): Promise<Sample> {
    await load.verify();
    if (warmup) await load.measure(warmup);
    this.note = load.note;
    return await this.#watch(() => load.measure(seconds));
  }

  /** Looks at what other programs do meanwhile. */
  async #watch(measure: () => Promise<Sample>): Promise<Sample> {
    const { result, others } = await disturbance(measure);
    this.others = Math.max(this.others, others);
    return result;
  }
}
