/**
 * The standard streams of the program as Web Streams: byte-exact, with back-pressure, and with a
 * broken pipe as the error of the write that met it.
 *
 * On Deno they are `Deno.stdin` and `Deno.stdout`, which need no permission: with `process.stdin`,
 * a pending read would keep the program from ending. On Bun and Node they are the streams of
 * `process`, whose writes call back when the system has accepted the bytes. None of them can be
 * closed: standard output ends with the program.
 */
import process from "node:process";
import { setTimeout } from "node:timers";

// As loaded: applications replace globals.
const { Promise, ReadableStream, WritableStream } = globalThis;

/** Bytes per read from standard input: the capacity of a pipe on Linux. */
const READ_BYTES = 64 * 1024;

/**
 * Grace period between the end of the response and the exit of the program, in milliseconds, for
 * anything that still keeps it running. A web server waits for the end of a CGI program, and idle
 * database connections must not make its client wait too.
 */
const EXIT_GRACE = 1_000;

/** The three standard streams. */
export interface StandardStreams {
  /** Reads on demand only; once cancelled, it no longer keeps the program running. */
  readonly stdin: ReadableStream<Uint8Array>;
  readonly stdout: WritableStream<Uint8Array>;
  readonly stderr: WritableStream<Uint8Array>;
}

/** The part of Deno that is used. */
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

/** Lets the program end with this exit code, soon even if something still keeps it running. */
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
  // On demand: the getter `process.stdin` may begin to read.
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
  // The write's callback gets the error; without a listener, the event would end the program.
  file.on("error", () => {});
  return new WritableStream({
    write: (bytes) =>
      new Promise((resolve, reject) => {
        file.write(bytes, (error) => error ? reject(error) : resolve());
      }),
  });
}
