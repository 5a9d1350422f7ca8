import type { ServerResponse } from "node:http";
import { clearImmediate, setImmediate } from "node:timers";

// As loaded: applications replace the global.
const { Promise } = globalThis;

const isBun = "Bun" in globalThis;
const NOTHING = new Uint8Array(0);

/**
 * Sends a `Response`. Of a body that is longer than its Content-Length it sends so much and no
 * more: the client would take the rest for the next response.
 *
 * @throws {Error} If the body is shorter, or errors.
 */
export async function sendResponse(
  { status, statusText, headers, body }: Response,
  outgoing: ServerResponse,
  method: string | undefined,
): Promise<void> {
  const fields = [...headers].flat();
  const isEmpty = body === null && method !== "HEAD" && status !== 204 && status !== 304;
  // Else it would be empty chunks.
  if (isEmpty && !headers.has("content-length")) fields.push("Content-Length", "0");
  outgoing.writeHead(status, statusText || undefined, fields);
  if (body === null || method === "HEAD") {
    outgoing.end();
    return await body?.cancel();
  }
  const reader = body.getReader();
  /** Resumes the loop; set while that waits for `drain`. */
  let resume: (() => void) | undefined;
  outgoing.on("drain", () => resume?.());
  outgoing.on("close", () => {
    reader.cancel().catch(() => {});
    resume?.();
  });
  // If there is no chunk by then, the head goes alone.
  const headTimer = setImmediate(() => sendHead(outgoing));
  try {
    const length = Number(headers.get("content-length") ?? Infinity);
    const isWhole = await sendBody(() => reader.read(), length, async (chunk) => {
      clearImmediate(headTimer);
      if (!outgoing.write(chunk)) await new Promise<void>((resolve) => (resume = resolve));
    });
    if (!isWhole) reader.cancel().catch(() => {});
  } catch (error) {
    // The client is to see how far it came, and that it broke off.
    sendHead(outgoing);
    await new Promise((resolve) => setImmediate(resolve));
    throw error;
  } finally {
    clearImmediate(headTimer);
  }
  outgoing.end();
}

/**
 * Sends a body of this length, in bytes; of a longer one so much and no more. Returns whether that
 * was all of it.
 */
async function sendBody(
  read: () => Promise<{ value?: Uint8Array | undefined }>,
  length: number,
  send: (chunk: Uint8Array) => Promise<void>,
): Promise<boolean> {
  for (let left = length; left >= 0;) {
    const { value } = await read();
    if (value === undefined) {
      if (left > 0 && left < Infinity) throw new Error(`The body is ${left} bytes short`);
      return true;
    }
    await send(value.length > left ? value.subarray(0, left) : value);
    left -= value.length;
  }
  return false;
}

/**
 * Sends the head before there is a body. `flushHeaders` would encode it as UTF-8 on Node and Deno;
 * nothing, written, would be a head without its empty line on Bun.
 */
function sendHead(outgoing: ServerResponse): void {
  if (outgoing.destroyed) return;
  if (isBun) outgoing.flushHeaders();
  else outgoing.write(NOTHING);
}
