/**
 * Graceful shutdown on signals: SIGTERM from systemd, lighttpd, mod_fcgid and people, SIGINT from a
 * terminal and PM2, SIGQUIT as in php-fpm, SIGUSR1 as in libfcgi. All mean: finish the requests in
 * flight, then exit.
 *
 * One request to stop may come as several signals: a terminal and systemd signal every process of a
 * group, and `deno task`, `bun run`, npm and `timeout` forward the signals that they get
 * themselves. So a second one ends the process at once only if it comes a while after the first.
 * SIGUSR1 never does: its sender wants the requests answered, however often it is sent.
 */
import process from "node:process";

// As loaded: applications replace the global.
const { Promise } = globalThis;

/**
 * Signals that may also end the process at once, with the exit status that a shell reports: 128 +
 * n.
 */
const STATUSES = { SIGTERM: 143, SIGINT: 130, SIGQUIT: 131 } as const;

const SIGNALS = ["SIGTERM", "SIGINT", "SIGQUIT", "SIGUSR1"] as const;

type TerminationSignal = typeof SIGNALS[number];

/** How long after the first signal others count as the same request, in milliseconds. */
const ONE_WISH = 1_000;

/** A server to shut down before the process exits. */
export interface Terminable {
  /** Shuts it down, and resolves when that is complete. */
  shutdown(): Promise<void>;
}

const running = new Set<Terminable>();
let isTerminating = false;
/** Whether SIGUSR1 is for logs. */
let reopens = false;
/**
 * - `none`: no signal so far, or SIGUSR1 alone
 * - `fresh`: a first signal has just come; others belong to the same request
 * - `standing`: the first came a while ago; another one ends the process at once
 */
let wish: "none" | "fresh" | "standing" = "none";

/**
 * Shuts `server` down at the first signal, and exits with 0 once it and every other server has shut
 * down; at another signal, a second after the first or later, exits at once. {@link forget} undoes
 * it.
 */
export function shutDownOnSignals(server: Terminable): void {
  running.add(server);
  if (running.size > 1) return;
  for (const signal of SIGNALS) listen("on", signal);
}

/**
 * Gives SIGUSR1 another meaning, that of php-fpm and gunicorn: files of logs are opened again, and
 * no server is shut down.
 */
export function reopenOnSignal(reopen: () => void): void {
  reopens = true;
  try {
    process.on("SIGUSR1", reopen);
  } catch {
    // Not every system has it.
  }
}

/** Unregisters `server`: signals no longer shut it down. */
export function forget(server: Terminable): void {
  if (!running.delete(server) || running.size > 0 || isTerminating) return;
  for (const signal of SIGNALS) listen("off", signal);
}

function listen(how: "on" | "off", signal: TerminationSignal): void {
  try {
    process[how](signal, terminate);
  } catch {
    // Not every system has every signal, and a worker thread has none.
  }
}

async function terminate(signal: TerminationSignal): Promise<void> {
  if (signal !== "SIGUSR1") hearWish(signal);
  else if (reopens) return;
  if (isTerminating) return;
  isTerminating = true;
  await Promise.all([...running].map((server) => server.shutdown()));
  process.exit(0);
}

function hearWish(signal: keyof typeof STATUSES): void {
  if (wish === "standing") process.exit(STATUSES[signal]);
  if (wish === "fresh") return;
  wish = "fresh";
  // Two timers: a handler that blocks the event loop for that long delays the first one, and
  // signals sent meanwhile are handled between the two.
  setTimeout(() => setTimeout(() => void (wish = "standing")), ONE_WISH);
}
