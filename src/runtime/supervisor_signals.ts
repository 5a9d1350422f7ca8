/** Signals to a supervisor. */
import process from "node:process";

/** What a signal means to a supervisor, as for php-fpm and gunicorn. */
export type SignalMeaning = "stop" | "reload" | "reopen" | "more" | "fewer";

const MEANINGS: Readonly<Record<string, SignalMeaning | undefined>> = {
  SIGTERM: "stop",
  SIGINT: "stop",
  SIGQUIT: "stop",
  SIGHUP: "reload",
  SIGUSR2: "reload",
  SIGUSR1: "reopen",
  SIGTTIN: "more",
  SIGTTOU: "fewer",
  // A terminal sends it to all when its window changes.
  SIGWINCH: undefined,
};

/** Calls back for each signal; from then on none ends the process. */
export function onSupervisorSignal(received: (meaning: SignalMeaning) => void): void {
  for (const [signal, meaning] of Object.entries(MEANINGS)) {
    listen(signal, () => meaning !== undefined && received(meaning));
  }
}

/** Signals that a worker leaves to its supervisor: a terminal and `pkill` send them to all. */
const NOT_FOR_WORKERS = Object.keys(MEANINGS).filter((signal) => signal !== "SIGTERM");

/** Ignores signals that are for the supervisor; SIGTERM, however often, calls back. */
export function leaveSignalsToSupervisor(terminate: () => void): void {
  for (const signal of NOT_FOR_WORKERS) listen(signal, () => {});
  listen("SIGTERM", terminate);
}

/** Passes signals on to another process. */
export function forwardSignals(send: (signal: NodeJS.Signals) => unknown): void {
  for (const signal of Object.keys(MEANINGS)) listen(signal, () => send(signal as NodeJS.Signals));
}

function listen(signal: string, received: () => void): void {
  try {
    process.on(signal, received);
  } catch {
    // Not every system has every signal.
  }
}
