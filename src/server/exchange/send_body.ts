/**
 * Sends the body of a response in STDOUT records: the header block is complete in the first one,
 * and all are written under back-pressure.
 */
import { applicationError, FastCgiError } from "../../protocol/errors.ts";
import { STREAM_CONTENT_LEN } from "../../protocol/record.ts";
import type { BodyReader, BodyStart } from "./body_start.ts";
import { bytesOf } from "./chunk.ts";
import type { Exchange } from "./exchange.ts";

/**
 * The most content of one write, in bytes: what the usual stream has in a chunk. A peer that has
 * read it makes progress, for `writeTimeout`.
 */
export const MAX_WRITTEN = 64 * 1024;

/** Sends a body of unknown length: never more than `declared` bytes, and fewer are a failure. */
export async function sendStream(
  exchange: Exchange,
  head: string,
  start: BodyStart,
  reader: BodyReader,
  declared: number | undefined,
): Promise<void> {
  let { chunks, pending } = start;
  let left = declared ?? Infinity;
  for (;;) {
    const fitting: Uint8Array[] = [];
    for (const chunk of chunks) {
      if (left > 0 && chunk.length > 0) fitting.push(chunk.subarray(0, left));
      left -= chunk.length;
    }
    await sendContent(exchange, head, fitting, false);
    head = "";
    if (left < 0) {
      // The response is complete for the client; with the rest, HAProxy and Caddy would fail it.
      const error = badResponse(`its body is longer than its Content-Length of ${declared} bytes`);
      void exchange.application.reports.report(error, exchange.errorContext);
      exchange.dropBody(error);
      break;
    }
    const read = await (pending ?? reader.read());
    if (read.done) {
      exchange.bodyEnded();
      break;
    }
    chunks = [bytesOf(read.value)];
    pending = undefined;
  }
  if (declared !== undefined && left > 0 && !exchange.isEnded) {
    throw badResponse(`its body ended ${left} bytes short of its Content-Length of ${declared}`);
  }
  exchange.send("", [], true);
}

/**
 * Sends content in as many writes as it needs, the header block complete in the first one, under
 * back-pressure.
 */
export async function sendContent(
  exchange: Exchange,
  head: string,
  chunks: readonly Uint8Array[],
  end: boolean,
): Promise<void> {
  let length = 0;
  for (const chunk of chunks) length += chunk.length;
  if (length <= MAX_WRITTEN) {
    if (head.length + length > 0 || end) await sent(exchange, exchange.send(head, chunks, end));
    return;
  }
  for (const chunk of chunks) {
    for (let offset = 0; offset < chunk.length && !exchange.isEnded;) {
      const most = head === "" ? MAX_WRITTEN : STREAM_CONTENT_LEN - head.length;
      const part = chunk.subarray(offset, offset + most);
      offset += part.length;
      length -= part.length;
      await sent(exchange, exchange.send(head, [part], end && length === 0));
      head = "";
    }
  }
  // The application has transferred the memory of a chunk, or has changed its size.
  if (length !== 0 && !exchange.isEnded) {
    throw badResponse("a chunk of its body changed its length while it was sent");
  }
}

/** Waits until the connection is writable again, if it is not. */
function sent(exchange: Exchange, isWritable: boolean): Promise<void> | undefined {
  return isWritable || exchange.isEnded ? undefined : exchange.writable();
}

/** Creates the error of a response that cannot be sent as it is. */
export function badResponse(what: string): FastCgiError {
  return applicationError("bad_response", `Cannot send the handler's answer: ${what}`);
}
