// One row of the report: a server in a section, what it measured, and what went wrong.

import { BehindNginx } from "./behind_nginx.ts";
import type { Contender, Launch } from "./contenders.ts";
import type { Cores } from "./cores.ts";
import { Daemon } from "./daemon.ts";
import { Direct } from "./direct.ts";
import { disturbance } from "./disturbance.ts";
import { startNginx } from "./nginx.ts";
import { reasonOf } from "./not_run.ts";
import type { Section } from "./options.ts";
import type { Sample } from "./sample.ts";

/** Everything a measurement needs that is the same for all servers. */
export interface Bench {
  cores: Cores;
  /** For sockets and configurations; removed at the end. */
  folder: string;
  fcgiload: string;
  nginx: string;
  wrk: string;
  seconds: number;
  warmup: number;
}

export class Row {
  readonly samples: Sample[] = [];
  note = "";
  /** Share of a core that other programs took, in the worst round. */
  others = 0;
  /** Why there are no numbers, or no more of them. */
  reason: string | undefined;
  readonly contender: Contender;
  readonly section: Section;
  #launch: Launch | undefined;

  constructor(contender: Contender, section: Section) {
    this.contender = contender;
    this.section = section;
  }

  /** Remembers how the server is started, or why it cannot be. */
  async prepare(launch: Promise<Launch>): Promise<void> {
    try {
      this.#launch = await launch;
    } catch (error) {
      this.reason = reasonOf(error);
    }
  }

  /** One round: a fresh process, checked, warmed up, measured, stopped. */
  async round(bench: Bench): Promise<void> {
    if (this.reason !== undefined || !this.#launch) return;
    const folder = await Deno.makeTempDir({ dir: bench.folder });
    try {
      this.samples.push(await this.#measure(bench, this.#launch, folder));
    } catch (error) {
      this.reason = reasonOf(error);
    }
  }

  async #measure(bench: Bench, launch: Launch, folder: string): Promise<Sample> {
    const { cores } = bench;
    const socket = `${folder}/app.sock`;
    const command = cores.server(await launch.command(socket, folder));
    await using server = await Daemon.start(command, { transport: "unix", path: socket });
    const run = async (load: Direct | BehindNginx) => {
      await load.verify();
      if (bench.warmup) await load.measure(bench.warmup);
      const { result, others } = await disturbance(() => load.measure(bench.seconds));
      this.note = load.note;
      this.others = Math.max(this.others, others);
      return result;
    };
    if (this.section === "direct") {
      const fcgiload = cores.load([bench.fcgiload]);
      return await run(new Direct({ fcgiload, socket, server, params: launch.params ?? [] }));
    }
    const kind = this.contender.nginx ?? "fastcgi";
    const { nginx, origin } = await startNginx(cores.load([bench.nginx]), kind, socket, folder);
    await using _nginx = nginx;
    return await run(new BehindNginx(cores.load([bench.wrk]), origin, server));
  }
}
