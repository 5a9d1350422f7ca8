/**
 * The program's own streams as Web Streams: exact, no faster than they are taken, and with a broken
 * pipe as an error of the write that met it.
 *
 * On Deno its own `Deno.stdin` and `Deno.stdout`, which need no permission: behind `process.stdin`
 * a read that is under way would keep the program from ending. On Bun and Node the streams of
 * `process`, whose writes call back when the system has taken the bytes. None of them can be closed
 * for good: standard output ends with the program.
 */
import process from "node:process";
import { setTimeout } from "node:timers";

// As loaded: applications replace globals.
const { ReadableStream, WritableStream } = globalThis;

/** Bytes of one read from standard input: what a pipe holds on Linux. */
const READ_BYTES = 64 * 1024;

/**
 * How long what keeps the program running has to end by itself once the answer is out, in
 * milliseconds: a web server waits for the end of a CGI program, and idle connections to a database
 * must not make its client wait, too.
 */
const EXIT_GRACE = 1_000;

/** The three standard streams. */
export interface StandardStreams {
  /** Takes nothing before it is asked; once cancelled, it keeps the program no longer. */
  readonly stdin: ReadableStream<Uint8Array>;
  readonly stdout: WritableStream<Uint8Array>;
  readonly stderr: WritableStream<Uint8Array>;
}

/** As much of Deno as is needed. */
interface DenoStreams {
  stdin: { read(bytes: Uint8Array): Promise<number | null>; close(): void };
  stdout: { write(bytes: Uint8Array): Promise<number> };
  stderr: { write(bytes: Uint8Array): Promise<number> };
}

/** Opens the standard streams; called once in a program. */
export function standardStreams(): StandardStreams {
  const { Deno } = globalThis as { Deno?: DenoStreams };
  return Deno === undefined
    ? {
      stdin: nodeReadable(),
      stdout: nodeWritable(process.stdout),
      stderr: nodeWritable(process.stderr),
    }
    : {
      stdin: denoReadable(Deno.stdin),
      stdout: denoWritable(Deno.stdout),
      stderr: denoWritable(Deno.stderr),
    };
}

/** Lets the program end with this exit code, soon even if something would keep it running. */
export function endProgram(exitCode: number): void {
  process.exitCode = exitCode;
  setTimeout(() => process.exit(), EXIT_GRACE).unref();
}

function denoReadable(stdin: DenoStreams["stdin"]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async pull(controller) {
      const bytes = new Uint8Array(READ_BYTES);
      const length = await stdin.read(bytes);
      if (length === null) controller.close();
      else controller.enqueue(bytes.subarray(0, length));
    },
    cancel: () => stdin.close(),
  }, { highWaterMark: 0 });
}

function denoWritable(file: DenoStreams["stdout"]): WritableStream<Uint8Array> {
  return new WritableStream({
    async write(bytes) {
      for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
    },
  });
}

function nodeReadable(): ReadableStream<Uint8Array> {
  // Not before it is asked for: to look at `process.stdin` can be to read from it.
  let chunks: AsyncIterator<Uint8Array> | undefined;
  return new ReadableStream({
    async pull(controller) {
      chunks ??= process.stdin[Symbol.asyncIterator]();
      const { done, value } = await chunks.next();
      if (done) controller.close();
      else controller.enqueue(new Uint8Array(value));
    },
    cancel() {
      if (chunks !== undefined) process.stdin.destroy();
    },
  }, { highWaterMark: 0 });
}

function nodeWritable(file: NodeJS.WriteStream): WritableStream<Uint8Array> {
  // The write hears of it; unheard, the event would end the program.
  file.on("error", () => {});
  return new WritableStream({
    write: (bytes) =>
      new Promise((resolve, reject) => {
        file.write(bytes, (error) => error ? reject(error) : resolve());
      }),
  });
}
