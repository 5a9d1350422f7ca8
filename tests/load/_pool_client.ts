/**
 * A program that sends 10,000 requests through a client, and aborts a quarter of them at random
 * moments; says at the end what is left of them:
 * `_pool_client.ts SOCKET SCRIPT CONNECTIONS [kept]`.
 */
import { readdirSync, readlinkSync } from "node:fs";
import process from "node:process";
import { FastCgiClient } from "../../src/client/mod.ts";
import { Random } from "../_bytes.ts";
import { waitUntil } from "../_runtime.ts";

const REQUESTS = 10_000;
const LANES = 32;

/** What is left, and what came of the requests. */
export interface Remains {
  answered: number;
  aborted: number;
  /** Sockets more than after a half. */
  sockets: number;
  /** Resident memory after all of them, less that after a half, in bytes. */
  grown: number;
  /** Of listeners that are never removed, for instance. */
  warnings: string[];
}

const [, , path, script, connections, kept] = process.argv;
const options = {
  path: path!,
  maxConnections: Number(connections),
  keepConnection: kept !== undefined,
  params: { SCRIPT_FILENAME: script },
  onStderr() {},
};
const random = new Random(7);
const remains: Remains = { answered: 0, aborted: 0, sockets: 0, grown: 0, warnings: [] };
process.on("warning", ({ message }) => void remains.warnings.push(message));

/** How many sockets are open. */
function sockets(): number {
  return readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith("socket:");
    } catch {
      // That of the directory.
      return false;
    }
  }).length;
}

/** One request; one of four is aborted, at some moment of its life. */
async function ask(): Promise<void> {
  const abort = new AbortController();
  const body = random.below(3) === 0 ? "x".repeat(random.below(100_000)) : undefined;
  const request = new Request(`http://localhost/echo.php?${random.below(1000)}`, {
    ...body !== undefined && { method: "POST", body },
  });
  const timer = random.below(4) === 0
    ? setTimeout(() => abort.abort(new Error("gone")), random.below(12))
    : undefined;
  try {
    const response = await client.fetch(request, { signal: abort.signal });
    if (response.status !== 200) throw new Error(`Status ${response.status}`);
    await response.arrayBuffer();
    remains.answered++;
  } catch (error) {
    if ((error as Error).message !== "gone") throw error;
    remains.aborted++;
  } finally {
    clearTimeout(timer);
  }
}

async function run(count: number): Promise<void> {
  let left = count;
  await Promise.all(Array.from({ length: LANES }, async () => {
    while (left-- > 0) await ask();
  }));
}

/** Sends half of them through a client of their own, which ends with them. */
async function runHalf(): Promise<void> {
  client = new FastCgiClient(options);
  await run(REQUESTS / 2);
  // Whoever comes last is served like the first.
  const last = await client.fetch(new Request("http://localhost/echo.php"));
  await last.body?.cancel();
  client.close();
}

let client: FastCgiClient;
await runHalf();
// The runtimes have sockets of their own, from some first use on.
let before = -1;
await waitUntil(() => before === (before = sockets()));
const { rss } = process.memoryUsage();
await runHalf();
remains.grown = process.memoryUsage().rss - rss;
await waitUntil(() => sockets() <= before).catch(() => {});
remains.sockets = sockets() - before;
console.log(JSON.stringify(remains));
