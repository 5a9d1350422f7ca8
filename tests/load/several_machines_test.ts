/**
 * Three hosts behind nginx and behind HAProxy, each host a network namespace, under load: a slow
 * one, one drained, all deployed to, one stopped, one killed, one cut off, one frozen. That every
 * request is answered but those that a dead host had, and that no POST is carried out twice.
 *
 * Both web servers are in front of the same hosts at the same time, each with a load of its own.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { assert, assertEquals, assertGreater, assertLess } from "../_assert.ts";
import { skipPools } from "../cli/workers/_pool.ts";
import { describe, it } from "../_harness.ts";
import { tempDir, waitUntil } from "../_runtime.ts";
import {
  addressOf,
  type Front,
  FRONTS,
  type HostName,
  HOSTS,
  skipFronts,
  WEB_ADDRESS,
} from "./_front.ts";
import { Host } from "./_host.ts";
import { Network, skipNetwork } from "./_network.ts";
import { NumberedLoad, type Outcome } from "./_numbered_load.ts";

/** Requests at once, of each load. */
const LANES = 16;
/** How often all of it is done: in the gate once, for tests/README.md more often. */
const TIMES = Number(process.env.FCGI_TEST_TIMES ?? 1);
/** Answers before and after each event. */
const BETWEEN = 50;
/** A link on which a large answer takes a quarter of a second. */
const SLOW = "1mbit";
/**
 * The longest that a client waits, in milliseconds: the time-outs of the configurations, a second
 * host, and a machine that is busy.
 */
const LONGEST = 8_000;

/** Something that was done to a host while requests came. */
interface Event {
  what: string;
  /** The one that may lose requests. */
  victim: HostName | null;
  /** What became of those that ended meanwhile. */
  outcomes: Outcome[];
}

/** A web server, and the load on it. */
interface Side {
  front: Front;
  load: NumberedLoad;
  events: Event[];
}

/** What is known of it afterwards. */
interface Played {
  outcomes: Outcome[];
  events: Event[];
  /** The hosts that have begun a request, by its number. */
  begun: Map<number, HostName[]>;
  /** The hosts that it was sent to. */
  given: Map<number, HostName[]>;
  /** What the web server's log says of those that were lost. */
  lines: Map<number, string>;
}

class Site {
  readonly #sides: Side[];
  readonly #hosts: Record<HostName, Host>;

  constructor(sides: Side[], hosts: Record<HostName, Host>) {
    this.#sides = sides;
    this.#hosts = hosts;
  }

  /** Everything, one after the other. */
  async round(release: number): Promise<void> {
    const { one, two, three } = this.#hosts;
    await this.#during("slow", null, async () => {
      const from = this.#sides.map(({ load }) => load.outcomes.length);
      three.machine.setRate(SLOW);
      await this.#more(4 * BETWEEN, HOSTS);
      for (const [index, { load }] of this.#sides.entries()) {
        const outcomes = load.outcomes.slice(from[index]);
        const share = (name: HostName) => outcomes.filter(({ host }) => host === name).length;
        // Taken in turn it would have nearly as many; this way it has a third of the others'.
        assertLess(share("three"), 0.7 * Math.min(share("one"), share("two")));
      }
      three.machine.setRate(null);
    });
    await this.#during("drained", null, async () => {
      await this.#fronts((front) => front.drain("one"));
      const begun = async () => await Promise.all(FRONTS.map(({ name }) => one.begun(name)));
      const before = await begun();
      await this.#more(BETWEEN, ["two", "three"]);
      assertEquals(await begun(), before);
      assertEquals(await one.command("stop"), 0);
      await one.ended();
      await one.start();
      await this.#fronts((front) => front.restore("one"));
      await this.#more(BETWEEN, HOSTS);
    });
    await this.#during("deployed to", null, async () => {
      for (const host of [one, two, three]) {
        await host.install(release);
        assertEquals(await host.command("reload", "--wait"), 0);
      }
      const before = this.#sides.map(({ load }) => load.lastId);
      await this.#more(BETWEEN, HOSTS);
      for (const [index, { load }] of this.#sides.entries()) {
        const after = load.outcomes.filter(({ id, status }) =>
          id > before[index]! && status === 200
        );
        assertEquals([...new Set(after.map((outcome) => outcome.release))], [`${release}`]);
      }
    });
    await this.#during("stopped", "two", async () => {
      await two.terminate();
      await this.#more(BETWEEN);
      await two.start();
    });
    await this.#during("killed", "three", async () => {
      await three.kill();
      await this.#more(BETWEEN);
      await this.#missed("three");
      await three.start();
      // When the next one goes, nginx must not take all three for dead.
      await this.#more(BETWEEN, HOSTS);
    });
    await this.#during("cut off", "one", async () => {
      one.machine.setLink("down");
      await this.#more(BETWEEN);
      await this.#missed("one");
      await this.#settled();
      one.machine.setLink("up");
    });
    await this.#during("frozen", "two", async () => {
      two.machine.signal("SIGSTOP");
      await this.#more(BETWEEN);
      await this.#missed("two");
      await this.#settled();
      two.machine.signal("SIGCONT");
      await this.#more(BETWEEN, HOSTS);
    });
  }

  /** Does something, and notes what became of the requests until all that were sent by then end. */
  async #during(what: string, victim: HostName | null, work: () => Promise<void>): Promise<void> {
    const from = this.#sides.map(({ load }) => load.outcomes.length);
    await work();
    await this.#more(BETWEEN);
    await this.#settled();
    for (const [index, { load, events }] of this.#sides.entries()) {
      events.push({ what, victim, outcomes: load.outcomes.slice(from[index]) });
    }
  }

  async #more(count: number, hosts: readonly HostName[] = []): Promise<void> {
    await Promise.all(this.#sides.map(({ load }) => load.more(count, hosts)));
  }

  async #settled(): Promise<void> {
    await Promise.all(this.#sides.map(({ load }) => load.settled()));
  }

  /** Waits until the web servers have seen that a host is not there. */
  async #missed(host: HostName): Promise<void> {
    await this.#fronts(async (front) => {
      await waitUntil(() => front.hasMissed(host), { what: `${host} to be missed` });
    });
  }

  async #fronts(work: (front: Front) => Promise<void>): Promise<void> {
    await Promise.all(this.#sides.map(({ front }) => work(front)));
  }
}

/** Does it all; returns what is known afterwards, by the name of the web server. */
async function play(): Promise<Map<string, Played>> {
  await using stack = new AsyncDisposableStack();
  const files = stack.use(await tempDir(0o755));
  const addresses = HOSTS.map((host) => [host, addressOf(host)]);
  const network = stack.use(new Network({ web: WEB_ADDRESS, ...Object.fromEntries(addresses) }));
  const [web, ...machines] = network.machines;
  const all = machines.map((machine) =>
    stack.use(new Host(machine, join(files.path, machine.name)))
  );
  await Promise.all(all.map(async (host) => {
    await mkdir(join(files.path, host.name));
    await host.install(1);
    await host.start();
  }));
  const hosts = Object.fromEntries(all.map((host) => [host.name, host])) as Record<HostName, Host>;
  // Nobody but the web server gets in.
  assert(!await hosts.two.canAsk(addressOf("one")));
  const sides = await Promise.all(FRONTS.map(async ({ name, start }): Promise<Side> => {
    const front = stack.use(await start(web!));
    const { port } = front;
    const load = stack.use(await NumberedLoad.start(web!, { port, lanes: LANES, name }));
    await load.more(BETWEEN, HOSTS);
    return { front, load, events: [] };
  }));
  const site = new Site(sides, hosts);
  for (let time = 0; time < TIMES; time++) await site.round(2 + time);

  const records = new Map<string, Played>();
  for (const [index, { front, load, events }] of sides.entries()) {
    await load.stop();
    const { name } = FRONTS[index]!;
    const begun = new Map<number, HostName[]>();
    for (const host of HOSTS) {
      for (const id of await hosts[host].begun(name)) begun.set(id, [...begun.get(id) ?? [], host]);
    }
    const lines = new Map<number, string>();
    const { outcomes } = load;
    for (const { id, status } of outcomes) {
      if (status !== 200) lines.set(id, await front.linesOf(id));
    }
    records.set(name, { outcomes, events, begun, given: await front.givenTo(), lines });
  }
  return records;
}

/** That nothing was lost but what could not be helped. */
function judge(name: string, { outcomes, events, begun, given, lines }: Played): void {
  for (const { id, method, status } of outcomes) {
    const times = begun.get(id)?.length ?? 0;
    if (method === "POST") assert(times <= 1, `${name}: POST ${id} was begun ${times} times`);
    if (status === 200) assertGreater(times, 0);
  }
  for (const { what, victim, outcomes } of events) {
    const lost = outcomes.filter(({ status }) => status !== 200);
    for (const { id, status, method } of lost) {
      const had = begun.get(id) ?? [];
      const trace = `${name}, ${what}: ${method} ${id}, status ${status}, given to ` +
        `${given.get(id)}, begun by ${had}\n${lines.get(id)}`;
      // Of a GET only one whose answer had begun.
      assert(method === "POST" || status === "cut", trace);
      assert(victim !== null && given.get(id)?.at(-1) === victim, trace);
      assert(had.every((host) => host === victim), trace);
    }
    const longest = Math.max(...outcomes.map(({ ms }) => ms));
    assertLess(longest, LONGEST);
    // Somebody has waited for it, or it was no test of the time-outs.
    if (what === "frozen" || what === "cut off") assertGreater(longest, 500);
  }
}

/** What tests/README.md says of it. */
function report(name: string, { events, begun }: Played): void {
  console.log(
    `${name}: ${events.reduce((sum, { outcomes }) => sum + outcomes.length, 0)} requests`,
  );
  for (const [what, same] of Map.groupBy(events, ({ what }) => what)) {
    const outcomes = same.flatMap((event) => event.outcomes);
    const lost = outcomes.filter(({ status }) => status !== 200);
    const hadBegun = lost.filter(({ id }) => begun.has(id)).length;
    const longest = Math.max(...outcomes.map(({ ms }) => ms));
    console.log(
      `  ${what}: ${outcomes.length} requests, ${lost.length} lost, of which it had begun ` +
        `${hadBegun}; the longest took ${longest} ms`,
    );
  }
}

describe("three hosts", { skip: skipFronts || skipNetwork || skipPools }, () => {
  let played: Promise<Map<string, Played>> | undefined;
  for (const { name } of FRONTS) {
    // What the first one starts goes on in the second.
    const options = { timeout: 90_000 * TIMES, sanitize: false };
    it(`behind ${name} lose no request but what a dead one had`, options, async () => {
      const record = (await (played ??= play())).get(name)!;
      report(name, record);
      judge(name, record);
    });
  }
});
