import type { StatusReport } from "../status/report.ts";
import type { Outcome } from "./supervisor_host.ts";

/** Who can do what a command asks for: the supervisor. */
interface Obedient {
  readonly finished: Promise<Outcome>;
  tell(event: { type: "reload" | "stop" }): void;
  status(): Promise<StatusReport>;
  reload(worker?: number): Promise<string | undefined>;
  reopen(): Promise<boolean>;
}

/**
 * Answers a command of `fcgi` with JSON.
 *
 * @param worker The one that was asked; the supervisor itself was, if left out.
 */
export async function answer(
  supervisor: Obedient,
  what: string,
  worker?: number,
): Promise<string> {
  return JSON.stringify(await answerOf(supervisor, what, worker));
}

async function answerOf(
  supervisor: Obedient,
  what: string,
  worker: number | undefined,
): Promise<object> {
  switch (what) {
    case "status":
      return await supervisor.status();
    case "reload-soon":
      supervisor.tell({ type: "reload" });
      return {};
    case "reload":
      return { failure: await supervisor.reload(worker) ?? null };
    case "reopen":
      return await supervisor.reopen() ? {} : { error: "a worker has not answered; see its log" };
    case "stop":
      // Whoever may send requests may not end all.
      if (worker !== undefined) return { error: "ask at the socket of --control" };
      supervisor.tell({ type: "stop" });
      return { outcome: await supervisor.finished };
    default:
      return { error: `No such command: ${what}` };
  }
}
