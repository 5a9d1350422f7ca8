/**
 * A load that a web server could make, on the application's own socket: lanes side by side, each
 * with one request at a time, on a connection of its own for each request or on one that is kept.
 */
import type { ServeAddress } from "../../mod.ts";
import { hashOf, part, PART_BYTES } from "../e2e/_content.ts";
import { type PeerRequest, RawPeer, request } from "../runtime/_raw_peer.ts";
import type { Phase, Tally } from "./_tally.ts";

/** One request and the answer that is right. */
export interface Task extends PeerRequest {
  status?: number;
  /** The body of the answer, or its length. */
  expected?: string | number;
  /** Whether the answer is to break off with an invalid record. */
  breaks?: boolean;
  /**
   * Goes away when the request is sent, when some of it is, or when some of the answer has come.
   */
  leaves?: "in the request" | "before the answer" | "in the answer";
}

const UPLOAD = part(0);
const UPLOAD_HASH = hashOf(PART_BYTES);

/** The kinds of requests. */
export const TASKS = {
  small: (): Task => ({ uri: "/small", expected: "small\n" }),
  post: (): Task => ({
    method: "POST",
    uri: "/count",
    body: UPLOAD,
    params: { CONTENT_LENGTH: String(UPLOAD.length) },
    expected: `${UPLOAD_HASH}\n`,
  }),
  large: (): Task => ({ uri: "/large/16", expected: 16 * PART_BYTES }),
  slow: (): Task => ({ uri: "/slow/200", expected: "slow\n" }),
  later: (): Task => ({ uri: "/later/50", expected: "later\n" }),
  error: (): Task => ({ uri: "/error", status: 500 }),
  broken: (): Task => ({ uri: "/broken", breaks: true }),
  uploadAborted: (): Task => ({ ...TASKS.post(), leaves: "in the request" }),
  slowAborted: (): Task => ({ uri: "/slow/200", leaves: "before the answer" }),
  largeAborted: (): Task => ({ uri: "/large/64", leaves: "in the answer" }),
};

/** What a lane does. */
export interface LaneOptions {
  tally: Tally;
  /** The next request; `undefined`: enough. */
  next(): Task | undefined;
  /** FCGI_KEEP_CONN. */
  keep: boolean;
  /** Whether a refused connection is the expected end of the lane, because the server goes. */
  endsWhenRefused?: boolean;
}

/** Makes requests one after the other until there is no next one. */
export async function runLane(
  address: ServeAddress,
  { tally, next, keep, endsWhenRefused = false }: LaneOptions,
): Promise<void> {
  let peer: RawPeer | undefined;
  for (let task = next(); task !== undefined; task = next()) {
    if (peer !== undefined && peer.ending !== null) {
      tally.letGo++;
      await peer[Symbol.asyncDispose]();
      peer = undefined;
    }
    const isKept = peer !== undefined;
    try {
      peer ??= await RawPeer.connect(address);
    } catch {
      if (endsWhenRefused) return;
      tally.sent++;
      tally.addLost("refused");
      continue;
    }
    tally.sent++;
    const goesOn = await make(peer, { ...task, keep }, isKept, tally);
    if (goesOn && keep) {
      // As a web server does, which looks for the end of a kept connection before it uses it again.
      await new Promise((resolve) => setTimeout(resolve, 0));
      continue;
    }
    await peer[Symbol.asyncDispose]();
    peer = undefined;
  }
  await peer?.[Symbol.asyncDispose]();
}

/** Makes one request; returns whether the connection may be used again. */
async function make(peer: RawPeer, task: Task, isKept: boolean, tally: Tally): Promise<boolean> {
  const before = peer.received;
  const bytes = request(task);
  try {
    if (task.leaves !== undefined) {
      peer.send(task.leaves === "in the request" ? bytes.subarray(0, bytes.length >> 1) : bytes);
      if (task.leaves === "in the answer") {
        await peer.until(() => peer.received > before, "a part of the answer");
      }
      peer.reset();
      tally.aborted++;
      return false;
    }
    peer.send(bytes);
    if (task.breaks) {
      await peer.until(() => peer.isBroken, "an invalid record");
      tally.right++;
      return false;
    }
    const reply = await peer.replyOrEnd();
    if (reply === null) {
      tally.addLost(phaseOf(peer.received > before, isKept));
      return false;
    }
    const wanted = task.status ?? 200;
    if (!task.keep && await peer.closing() !== "end") tally.addLost("answered, but not closed");
    else if (reply.status !== wanted) tally.addWrong(`${reply.status} instead of ${wanted}`);
    else if (!isRight(reply, task.expected)) tally.addWrong(`another body of ${task.uri}`);
    else tally.right++;
    return true;
  } catch {
    tally.addLost(phaseOf(peer.received > before, isKept));
    return false;
  }
}

function isRight({ text, body }: { text: string; body: Uint8Array }, expected: Task["expected"]) {
  if (expected === undefined) return true;
  return typeof expected === "number" ? body.length === expected : text === expected;
}

function phaseOf(hasBegun: boolean, isKept: boolean): Phase {
  if (hasBegun) return "cut in the answer";
  return isKept ? "unanswered on a kept connection" : "unanswered on a fresh connection";
}
