/** A file as a `Response`. */
import type { OpenFile } from "../../runtime/files.ts";
import { answerWithFile, lengthOf, type Piece } from "./file_answer.ts";
import { statusPage } from "./status_page.ts";

// As loaded: applications replace globals.
const { ReadableStream, Response, crypto } = globalThis;

/**
 * The most bytes that are read at a time, and the longest body that is read before the response is
 * sent: that needs no stream, which costs more than a small file does.
 */
const CHUNK = 65_536;

/**
 * Answers a request with a file, which it closes: when its last byte was read, or when nobody wants
 * it any more.
 *
 * @throws What reading the file does. If that fails behind the header, the body errors.
 */
export function sendFile(request: Request, file: OpenFile, type: string): Response {
  const { size, modified } = file;
  let isHandedOver = false;
  try {
    const { status, headers, pieces } = answerWithFile(
      request,
      { size, modified, type },
      Date.now(),
      () => crypto.randomUUID(),
    );
    if (status >= 400) return statusPage(status, headers);
    if (status === 304) return new Response(null, { status, headers });
    const isWanted = request.method !== "HEAD";
    if (isWanted && lengthOf(pieces) > CHUNK) {
      isHandedOver = true;
      return new Response(streamOf(file, pieces), { status, headers });
    }
    return new Response(isWanted ? readAll(file, pieces) : null, { status, headers });
  } finally {
    if (!isHandedOver) file.close();
  }
}

function readAll(file: OpenFile, pieces: readonly Piece[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(lengthOf(pieces));
  let at = 0;
  for (const piece of pieces) {
    const bytes = "start" in piece ? file.readNow(piece.start, piece.end - piece.start) : piece;
    if ("start" in piece && bytes.length < piece.end - piece.start) throw shorter();
    all.set(bytes, at);
    at += bytes.length;
  }
  return all;
}

/** Closes the file at its end. */
function streamOf(file: OpenFile, pieces: readonly Piece[]): ReadableStream<Uint8Array> {
  const chunks = chunksOf(file, pieces);
  return new ReadableStream({
    async pull(controller) {
      try {
        const { done, value } = await chunks.next();
        if (!done) return controller.enqueue(value);
        file.close();
        controller.close();
      } catch (error) {
        file.close();
        throw error;
      }
    },
    cancel: () => file.close(),
  }, { highWaterMark: 0 });
}

async function* chunksOf(
  file: OpenFile,
  pieces: readonly Piece[],
): AsyncGenerator<Uint8Array, undefined> {
  for (const piece of pieces) {
    if (!("start" in piece)) {
      yield piece;
      continue;
    }
    for (let at = piece.start; at < piece.end;) {
      const chunk = await file.read(at, Math.min(CHUNK, piece.end - at));
      if (chunk.length === 0) throw shorter();
      yield chunk;
      at += chunk.length;
    }
  }
}

/** What was sent must not look complete. */
function shorter(): Error {
  return new Error("Cannot send a file: it has become shorter");
}
