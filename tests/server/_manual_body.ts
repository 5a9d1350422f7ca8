import { bytes } from "../_bytes.ts";

/** A response body that a test feeds by hand. */
export class ManualBody {
  readonly stream: ReadableStream<Uint8Array>;
  /** Resolves with the reason when the body is cancelled. */
  readonly cancelled: Promise<unknown>;
  #controller!: ReadableStreamDefaultController<Uint8Array>;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    this.cancelled = promise;
    this.stream = new ReadableStream({
      start: (controller) => {
        this.#controller = controller;
      },
      cancel: resolve,
    });
  }

  push(...parts: (string | Uint8Array)[]): void {
    for (const part of parts) this.#controller.enqueue(bytes(part));
  }

  close(): void {
    this.#controller.close();
  }

  error(reason: unknown): void {
    this.#controller.error(reason);
  }
}

/** A body whose chunks are all there at once. */
export function readyBody(...chunks: (string | Uint8Array)[]): ReadableStream<Uint8Array> {
  const body = new ManualBody();
  body.push(...chunks);
  body.close();
  return body.stream;
}
