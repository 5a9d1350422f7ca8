/** Talks to an application, and tells what has gone wrong as an exit code. */
import { connect, type ConnectAddress, FastCgiClient } from "../client/mod.ts";
import { messageOf } from "../log/describe.ts";
import { ExitCode } from "./exit_code.ts";
import { nameOf } from "./target.ts";
import type { Terminal } from "./terminal.ts";

// As loaded: `fcgi serve` runs applications, which replace the global.
const { AbortSignal } = globalThis;

/** Where the application is, and how long it may take. */
export interface Reach {
  readonly address: ConnectAddress;
  /** Seconds. */
  readonly timeout: number;
  /** Takes the lines of FCGI_STDERR; the terminal, if left out. */
  readonly onStderr?: (line: string) => void;
}

/** Lends a client for one use; returns the exit code of that use, or of its failure. */
export async function withClient(
  { address, timeout, onStderr = (line) => terminal.err(line) }: Reach,
  terminal: Terminal,
  use: (client: FastCgiClient, signal: AbortSignal) => Promise<number>,
): Promise<number> {
  let isConnected = false;
  const client = new FastCgiClient({
    connect: async () => {
      const streams = await connect(address);
      isConnected = true;
      return streams;
    },
    onStderr,
  });
  const signal = AbortSignal.timeout(timeout * 1000);
  try {
    return await use(client, signal);
  } catch (error) {
    if (signal.aborted) {
      terminal.err(`fcgi: No answer from ${nameOf(address)} within ${timeout} s`);
      return ExitCode.TIMEOUT;
    }
    terminal.err(`fcgi: ${messageOf(error)}`);
    return isConnected ? ExitCode.FAILED : ExitCode.NO_CONNECTION;
  } finally {
    client.close();
  }
}
