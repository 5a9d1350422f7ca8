/**
 * The signals that ask a FastCGI application to go: SIGTERM from systemd, lighttpd, mod_fcgid and people, SIGUSR1 from
 * those who know libfcgi's and php-fpm's way. Both mean: finish what you have.
 */
import process from "node:process";

const SIGNALS = ["SIGTERM", "SIGUSR1"] as const;
/** What a shell reports of a program that SIGTERM has ended: 128 + 15. */
const TERMINATED = 143;

/** What ends before the process does. */
export interface Terminable {
  /** Resolves when nothing of it is left. */
  shutdown(): Promise<void>;
}

const running = new Set<Terminable>();
let isTerminating = false;
let terms = 0;

/**
 * Has `server` shut down at the first SIGTERM or SIGUSR1, and the process exit with 0 once that and every other one has; at a
 * second SIGTERM at once. Forgotten with {@link runOn}.
 */
export function shutDownOnSignals(server: Terminable): void {
  running.add(server);
  if (running.size > 1) return;
  for (const signal of SIGNALS) listen("on", signal);
}

/** The process goes on without `server`: a signal no longer concerns it. */
export function runOn(server: Terminable): void {
  if (!running.delete(server) || running.size > 0 || isTerminating) return;
  for (const signal of SIGNALS) listen("off", signal);
}

function listen(how: "on" | "off", signal: typeof SIGNALS[number]): void {
  try {
    process[how](signal, terminate);
  } catch {
    // Not every system has every signal, and a worker has none.
  }
}

async function terminate(signal: string): Promise<void> {
  if (signal === "SIGTERM" && ++terms > 1) process.exit(TERMINATED);
  if (isTerminating) return;
  isTerminating = true;
  await Promise.all([...running].map((server) => server.shutdown()));
  process.exit(0);
}
