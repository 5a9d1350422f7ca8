/**
 * The signals that ask a FastCGI application to go: SIGTERM from systemd, lighttpd, mod_fcgid and
 * people, SIGINT from a terminal and PM2, SIGQUIT as php-fpm takes it, SIGUSR1 from those who know
 * libfcgi's way. All mean: finish what you have.
 *
 * One wish may come as several signals: a terminal and systemd signal every process of a group, and
 * `deno task`, `bun run`, npm and `timeout` hand on what they have got themselves. So a second one
 * ends the process at once only when it comes a while after the first. SIGUSR1 never does: whoever
 * sends it wants the requests answered, however often it is sent.
 */
import process from "node:process";

/** Signals that may also end the process at once, with what a shell tells then: 128 + n. */
const STATUSES = { SIGTERM: 143, SIGINT: 130, SIGQUIT: 131 } as const;

const SIGNALS = ["SIGTERM", "SIGINT", "SIGQUIT", "SIGUSR1"] as const;

type TerminationSignal = typeof SIGNALS[number];

/** How long after the first signal the others still belong to it, in milliseconds. */
const ONE_WISH = 1_000;

/** What ends before the process does. */
export interface Terminable {
  /** Resolves when nothing of it is left. */
  shutdown(): Promise<void>;
}

const running = new Set<Terminable>();
let isTerminating = false;
/**
 * - `none`: nobody has asked for the end, or by SIGUSR1 alone
 * - `fresh`: somebody just has; what comes now is the same wish
 * - `standing`: somebody has a while ago; whoever asks again does not want to wait any longer
 */
let wish: "none" | "fresh" | "standing" = "none";

/**
 * Has `server` shut down at the first signal, and the process exit with 0 once that and every other
 * one has; at another signal, a second after the first, at once. Forgotten with {@link forget}.
 */
export function shutDownOnSignals(server: Terminable): void {
  running.add(server);
  if (running.size > 1) return;
  for (const signal of SIGNALS) listen("on", signal);
}

/** The process goes on without `server`: a signal no longer concerns it. */
export function forget(server: Terminable): void {
  if (!running.delete(server) || running.size > 0 || isTerminating) return;
  for (const signal of SIGNALS) listen("off", signal);
}

function listen(how: "on" | "off", signal: TerminationSignal): void {
  try {
    process[how](signal, terminate);
  } catch {
    // Not every system has every signal, and a worker has none.
  }
}

async function terminate(signal: TerminationSignal): Promise<void> {
  if (signal !== "SIGUSR1") hearWish(signal);
  if (isTerminating) return;
  isTerminating = true;
  await Promise.all([...running].map((server) => server.shutdown()));
  process.exit(0);
}

function hearWish(signal: keyof typeof STATUSES): void {
  if (wish === "standing") process.exit(STATUSES[signal]);
  if (wish === "fresh") return;
  wish = "fresh";
  // Two timers: a handler that blocks the event loop for so long makes the first one late, and what
  // was sent meanwhile is heard between the two.
  setTimeout(() => setTimeout(() => void (wish = "standing")), ONE_WISH);
}
