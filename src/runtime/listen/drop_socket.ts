/** Closes this process's descriptor of a listening socket that others serve. */
import { createServer } from "node:net";

/**
 * Closes it, without accepting anything: within one turn of the event loop. Not by `closeSync`,
 * which Deno does not let a program do with a descriptor that it has inherited.
 */
export function dropSocket(fd: number): void {
  const server = createServer((socket) => socket.destroy());
  // It cannot be closed if it is none any more.
  server.on("error", () => {});
  server.listen({ fd });
  server.close();
}
