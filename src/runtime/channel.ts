/**
 * Messages between a process and the one that has started it, over the channel that `process.send`
 * uses; the same on Deno, Bun and Node. It needs no permission on Deno.
 */
import process from "node:process";
import { disclose, enclose } from "./envelope.ts";

/** The channel to the process that has started this one. */
export interface ParentChannel {
  send(message: object): void;
  /** Calls back with each message, and once when the other process has gone. */
  listen(received: (message: object) => void, gone: () => void): void;
  /** Lets the process end although the channel is open. */
  release(): void;
}

/** The channel to the process that has started this one; `undefined` if it has made none. */
export function parentChannel(): ParentChannel | undefined {
  if (process.send === undefined) return undefined;
  return {
    // Without its callback, a channel that has just been closed would be an `error` event.
    send: (message) => void process.send?.(enclose(message), undefined, undefined, () => {}),
    listen(received, gone) {
      process.on("message", (enclosed) => {
        const message = disclose(enclosed);
        if (message !== undefined) received(message);
      });
      process.on("disconnect", gone);
    },
    release: () => process.channel?.unref(),
  };
}
