/**
 * The handles underneath the sockets of `node:net`, on Deno and Node, and the module of the runtime
 * that their calls leave their results in. Neither is promised; handle_socket.ts says what for.
 */
import process from "node:process";

/** A handle of libuv's kind: numbers that it returns are 0, or a negative error number. */
export interface StreamHandle {
  onread: (chunk: ArrayBuffer | undefined) => void;
  readStart(): number;
  readStop(): number;
  writeBuffer(request: HandleRequest, bytes: Uint8Array): number;
  writev(request: HandleRequest, parts: Uint8Array[], areBuffers: true): number;
  /** Returns 1 if it is done at once. */
  shutdown(request: HandleRequest): number;
  close(): void;
  setNoDelay?(noDelay: boolean): number;
  getpeername?(out: { address?: string }): number;
}

/** A write or a shutdown that the handle works on. */
export interface HandleRequest {
  handle?: StreamHandle;
  /** What must not be collected before the end. */
  buffer?: Uint8Array | Uint8Array[];
  oncomplete?: (error: number) => void;
}

/** What the last call of a handle left behind, and where. */
export interface StreamBinding {
  readonly WriteWrap: new () => HandleRequest;
  readonly ShutdownWrap: new () => HandleRequest;
  readonly streamBaseState: Int32Array;
  /** Where the number of bytes read is, or the error number. */
  readonly kReadBytesOrError: number;
  /** Where it says whether the last write goes on after its call. */
  readonly kLastWriteWasAsync: number;
}

interface Bindings {
  noDeprecation?: boolean | undefined;
  binding(name: "stream_wrap"): Partial<StreamBinding>;
}

/** The module; `undefined` where it is missing, as on Bun, or on Node with `--permission`. */
export const streamBinding: StreamBinding | undefined = openBinding();

function openBinding(): StreamBinding | undefined {
  try {
    if ("Bun" in globalThis) return undefined;
    const found = bindingOf(process as unknown as Bindings);
    const isWhole = typeof found.WriteWrap === "function" &&
      typeof found.ShutdownWrap === "function" &&
      found.streamBaseState instanceof Int32Array &&
      typeof found.kReadBytesOrError === "number" &&
      typeof found.kLastWriteWasAsync === "number";
    return isWhole ? found as StreamBinding : undefined;
  } catch {
    return undefined;
  }
}

/** Node with `--pending-deprecation` warns of this call, and with `--throw-deprecation` ends. */
function bindingOf(process: Bindings): Partial<StreamBinding> {
  const { noDeprecation } = process;
  process.noDeprecation = true;
  try {
    return process.binding("stream_wrap");
  } finally {
    process.noDeprecation = noDeprecation;
  }
}
