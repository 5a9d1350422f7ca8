// One `src` tree with connections in memory, under the load of one case.

import process from "node:process";
import { setImmediate } from "node:timers";
import { concat, latin1 } from "../../_bytes.ts";
import { parseRecords } from "../../_records.ts";
import type { Case } from "../cases.ts";
import { CONNECTIONS } from "../sample.ts";
import { handler } from "../servers/handler.ts";
import { Peer } from "./peer.ts";
import { requestBytes } from "./request.ts";

const STDOUT = 6;

/** Bytes come in tasks, from a socket. */
const nextTask = () => new Promise<void>((resolve) => setImmediate(resolve));

export class Engine {
  readonly #peers: Peer[];
  readonly #case: Case;
  #unanswered = 0;
  #allAnswered = () => {};

  private constructor({ Service }: typeof import("../../../src/server/service.ts"), kase: Case) {
    const service = new Service(handler);
    const request = requestBytes(kase);
    const accept = service.accept.bind(service);
    const answered = () => {
      if (--this.#unanswered === 0) this.#allAnswered();
    };
    this.#peers = Array.from(
      { length: CONNECTIONS },
      () => new Peer(request, accept, answered),
    );
    this.#case = kase;
  }

  /** `src` is the path of the folder. */
  static async load(src: string, kase: Case): Promise<Engine> {
    return new Engine(await import(`${src}/server/service.ts`), kase);
  }

  /** Is the reply right, and right again on the kept connection? */
  async verify(): Promise<void> {
    const { reply, cookie } = this.#case;
    const [peer] = this.#peers;
    for (let i = 0; i < 2; i++) {
      peer.written = [];
      await this.#round();
      const said = contentOf(peer.written);
      const [, head, body] = /^([^]*?)\r\n\r\n([^]*)$/.exec(said) ?? [];
      const isRight = body === reply && !/^status: (?!200)/im.test(head) &&
        (!cookie || head.includes(cookie));
      if (!isRight) throw new Error(`wrong reply: ${JSON.stringify(said.slice(0, 200))}`);
    }
    peer.written = undefined;
  }

  /** One request after another on each connection for so long; CPU time in µs, and requests. */
  async batch(milliseconds: number): Promise<{ cpu: number; requests: number }> {
    const until = performance.now() + milliseconds;
    const before = process.cpuUsage();
    let requests = 0;
    do {
      await this.#round();
      requests += CONNECTIONS;
    } while (performance.now() < until);
    const { user, system } = process.cpuUsage(before);
    return { cpu: user + system, requests };
  }

  /** A request on each connection at once. */
  async #round(): Promise<void> {
    this.#unanswered = CONNECTIONS;
    const over = new Promise<void>((resolve) => this.#allAnswered = resolve);
    let sending = this.#peers;
    for (const peer of sending) peer.begin();
    while ((sending = sending.filter((peer) => peer.send())).length > 0) await nextTask();
    await over;
  }
}

/** What the STDOUT records in it hold. */
function contentOf(written: Uint8Array[]): string {
  const records = parseRecords(concat(written));
  return latin1(concat(records.filter(({ type }) => type === STDOUT).map((one) => one.content)));
}
