/** The program of a worker. Before the application is loaded, signals are the supervisor's. */
import { parentChannel } from "../runtime/channel.ts";
import { loadModule } from "../runtime/load_module.ts";
import { programArguments } from "../runtime/program.ts";
import { leaveSignalsToSupervisor } from "../runtime/supervisor_signals.ts";
import { startWorker as start, type WorkerSettings } from "./workers/worker.ts";

// As loaded: applications replace the global.
const { Promise } = globalThis;

/** SIGTERM may come before there is anything to stop. */
let terminate = () => {};
leaveSignalsToSupervisor(() => terminate());

/** Starts a worker with an application that has been loaded. */
export function startWorker(settings: WorkerSettings, application: unknown): void {
  terminate = start(settings, () => Promise.resolve(application), parentChannel()!);
}

const [settings] = programArguments();
if (settings !== undefined) {
  const known = JSON.parse(settings) as WorkerSettings;
  terminate = start(known, () => loadModule(known.app), parentChannel()!);
}
