/**
 * The body of a response, cut into STDOUT records: the header block goes whole in the first one,
 * and all go no faster than the connection takes them.
 */
import { applicationError, FastCgiError } from "../../protocol/errors.ts";
import { STREAM_CONTENT_LEN } from "../../protocol/record.ts";
import type { BodyReader, BodyStart } from "./body_start.ts";
import { bytesOf } from "./chunk.ts";
import type { Exchange } from "./exchange.ts";

/** Sends a body of unknown end: never more than `declared` bytes, and less is a failure. */
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
      // The response is whole as far as the client can tell; HAProxy and Caddy would fail it for
      // the rest.
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
 * Sends content in as many records as it needs, the header block whole in the first one, as fast as
 * they are taken.
 */
export async function sendContent(
  exchange: Exchange,
  head: string,
  chunks: readonly Uint8Array[],
  end: boolean,
): Promise<void> {
  let length = head.length;
  for (const chunk of chunks) length += chunk.length;
  if (length <= STREAM_CONTENT_LEN) {
    if (length > 0 || end) await sent(exchange, exchange.send(head, chunks, end));
    return;
  }
  for (const [index, chunk] of chunks.entries()) {
    for (let offset = 0; offset < chunk.length && !exchange.isEnded;) {
      const part = chunk.subarray(offset, offset + STREAM_CONTENT_LEN - head.length);
      offset += part.length;
      const isLast = end && index === chunks.length - 1 && offset === chunk.length;
      await sent(exchange, exchange.send(head, [part], isLast));
      head = "";
    }
  }
}

/** Waits until the connection takes more, if it does not at once. */
function sent(exchange: Exchange, isWritable: boolean): Promise<void> | undefined {
  return isWritable || exchange.isEnded ? undefined : exchange.writable();
}

/** The error of a response that cannot be sent as it is. */
export function badResponse(what: string): FastCgiError {
  return applicationError("bad_response", `Cannot send the handler's answer: ${what}`);
}
