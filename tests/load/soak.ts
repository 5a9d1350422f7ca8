/**
 * Mixed load for minutes on end: `deno task soak [--minutes=10] [--runtime=deno,bun,node]`.
 *
 * The plan, for each runtime in turn: start `apps/load.ts` on a Unix socket; warm it up with the
 * same mix; let all go and look; hold 500 idle connections and load it from 24 lanes; let all go
 * again, and look again. The report says what was asked and what came, and memory and descriptors
 * before and after. It fails if a request went wrong, or if something has not come back.
 *
 * What "come back" means:
 * - Descriptors: not one more than at the start.
 * - Memory that is held: the heap after a forced collection, at most {@link HEAP_LIMIT} more. Leaks
 *   are seen here.
 * - Memory of the process (RSS, after the same collection): at most {@link RSS_LIMIT} more.
 *   Allocators keep pages that they have once needed, so this bound is wide; it is the same for one
 *   minute and for sixty, so the longer run is the stricter one.
 */
import { parseArgs } from "node:util";
import type { ServeAddress } from "../../mod.ts";
import { RawPeer } from "../runtime/_raw_peer.ts";
import { type Program, type Runtime, tempDir, waitUntil } from "../_runtime.ts";
import { runLane, type Task, TASKS } from "./_fastcgi_load.ts";
import { cpuOf, descriptorsOf, memoryOf, startServer } from "./_server.ts";
import { Tally } from "./_tally.ts";

/**
 * 4 MB: what is compiled and cached on the way, on the runtime that keeps most. In ten minutes that
 * is a few bytes a request.
 */
const HEAP_LIMIT = 4 * 1024 * 1024;
/**
 * 80 MB: what the allocators keep of the peak, which is 50 MB on Node and 20 on Deno after two
 * minutes.
 */
const RSS_LIMIT = 80 * 1024 * 1024;
const IDLE = 500;
const KEPT_LANES = 16;
const FRESH_LANES = 8;
/** How often each kind comes: most requests are small. */
const MIX: readonly (keyof typeof TASKS)[] = [
  ...Array(20).fill("small"),
  ...Array(6).fill("post"),
  ...Array(2).fill("large"),
  ...["slow", "later", "error", "broken", "uploadAborted", "slowAborted", "largeAborted"] as const,
];
/** The order: a step that has no divisor in common with the length visits them all. */
const STEP = 11;

/** What is seen of a process that has nothing to do. */
interface Look {
  rss: number;
  heap: number;
  descriptors: number;
}

/** What a soak has found. */
export interface SoakReport {
  tally: Tally;
  /** How many of each kind. */
  kinds: Record<string, number>;
  seconds: number;
  start: Look;
  /** With the idle connections, before the load. */
  idle: Look;
  end: Look;
  /** What is not as it should be; nothing, if all is well. */
  faults: string[];
}

/** Soaks one runtime. */
export async function soak(on: Runtime, seconds: number): Promise<SoakReport> {
  await using directory = await tempDir();
  const address = { transport: "unix", path: `${directory.path}/fcgi.sock` } as const;
  await using server = await startServer([`path=${address.path}`], { on, descriptors: 4096 });
  await load(address, Math.min(60, seconds / 3), new Tally());
  const start = await look(server, address);

  const idle: RawPeer[] = [];
  for (let count = 0; count < IDLE; count++) {
    const peer = await RawPeer.connect(address);
    await peer.fetch({ uri: "/small" });
    idle.push(peer);
  }
  const held = await look(server, address);
  const tally = new Tally();
  const kinds = await load(address, seconds, tally);
  for (const peer of idle) {
    tally.sent++;
    const isRight = peer.ending === null &&
      (await peer.fetch({ uri: "/small" })).text === "small\n";
    if (isRight) tally.right++;
    else tally.addLost("unanswered on a kept connection");
  }
  await Promise.all(idle.map((peer) => peer[Symbol.asyncDispose]()));
  const end = await look(server, address);
  server.kill("SIGTERM");
  const { code } = await server.exit;
  const [, counts] = await server.waitForLine("stdout", /^counts (.*)$/);
  const { later, laterDone } = JSON.parse(counts!);

  const faults = [
    ...Object.entries(tally.failures).map(([name, count]) => `${count} ${name}`),
    tally.open !== 0 && `${tally.open} requests unaccounted for`,
    end.descriptors > start.descriptors &&
    `${end.descriptors - start.descriptors} descriptors kept`,
    end.heap - start.heap > HEAP_LIMIT && `${megabytes(end.heap - start.heap)} of heap kept`,
    end.rss - start.rss > RSS_LIMIT && `${megabytes(end.rss - start.rss)} of memory kept`,
    ...Object.keys(TASKS).filter((kind) => !(kind in kinds)).map((kind) => `no ${kind} request`),
    later !== laterDone && `${later - laterDone} promises of waitUntil not waited for`,
    code !== 0 && `exit code ${code}`,
    server.stderr.lines.length > 1 && `on stderr: ${server.stderr.lines.slice(1, 4).join(" | ")}`,
  ].filter((fault) => fault !== false);
  return { tally, kinds, seconds, start, idle: held, end, faults };
}

/** Loads the application for so long; returns how many requests of each kind that were. */
async function load(
  address: ServeAddress,
  seconds: number,
  tally: Tally,
): Promise<Record<string, number>> {
  const until = performance.now() + seconds * 1000;
  const kinds: Record<string, number> = {};
  let index = 0;
  const next = (): Task | undefined => {
    if (performance.now() >= until) return undefined;
    const kind = MIX[index++ * STEP % MIX.length]!;
    kinds[kind] = (kinds[kind] ?? 0) + 1;
    return TASKS[kind]();
  };
  const lanes = Array.from({ length: KEPT_LANES + FRESH_LANES }, (_, lane) => {
    return runLane(address, { tally, next, keep: lane < KEPT_LANES });
  });
  await Promise.all(lanes);
  return kinds;
}

/**
 * Waits until a process is quiet (no change of its descriptors, no CPU for a second), has it
 * collect, and looks.
 */
async function look(server: Program, address: ServeAddress): Promise<Look> {
  const seen: string[] = [];
  await waitUntil(async () => {
    seen.push(`${await descriptorsOf(server.pid)} ${await cpuOf(server.pid) / 50 | 0}`);
    return seen.length > 5 && new Set(seen.slice(-5)).size === 1;
  }, { timeout: 60_000, interval: 250, what: "the application to be quiet" });
  const [descriptors] = seen.at(-1)!.split(" ");
  await using peer = await RawPeer.connect(address);
  const { heap } = JSON.parse((await peer.fetch({ uri: "/memory" })).text);
  return { heap, rss: await memoryOf(server.pid), descriptors: Number(descriptors) };
}

const megabytes = (bytes: number) => `${(bytes / 1024 / 1024).toFixed(1)} MB`;

function show(on: Runtime, report: SoakReport): void {
  const { tally, kinds, seconds, start, idle, end, faults } = report;
  const row = (name: string, { rss, heap, descriptors }: Look) =>
    `  ${name.padEnd(22)} ${megabytes(rss).padStart(9)} (heap ${
      megabytes(heap)
    }), ${descriptors} descriptors`;
  console.log(
    [
      `${on}: ${tally.sent} requests in ${seconds} s, ${tally.right} right, ` +
      `${tally.aborted} aborted by the load, ${tally.failed} failed`,
      `  ${Object.entries(kinds).map(([kind, count]) => `${kind} ${count}`).join(", ")}`,
      row("at the start", start),
      row(`with ${IDLE} idle`, idle),
      row("at the end", end),
      faults.length === 0 ? "  all came back" : `  FAULTS: ${faults.join("; ")}`,
    ].join("\n"),
  );
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      minutes: { type: "string", default: "10" },
      runtime: { type: "string", default: "deno,bun,node" },
    },
  });
  let isSound = true;
  for (const on of values.runtime.split(",") as Runtime[]) {
    const report = await soak(on, Number(values.minutes) * 60);
    show(on, report);
    isSound &&= report.faults.length === 0;
  }
  Deno.exit(isSound ? 0 : 1);
}
