/** The program of an application's process under `fcgi dev`. */
import { parentChannel } from "../runtime/channel.ts";
import { loadModule } from "../runtime/load_module.ts";
import { programArguments } from "../runtime/program.ts";
import { leaveSignalsToSupervisor } from "../runtime/supervisor_signals.ts";
import { rememberModules } from "../runtime/syntax_place.ts";
import { type DevSettings, startDevWorker } from "./dev/worker.ts";

/** SIGTERM may come before there is anything to stop. */
let terminate = () => {};
leaveSignalsToSupervisor(() => terminate());
rememberModules();

const settings = JSON.parse(programArguments()[0]!) as DevSettings;
terminate = startDevWorker(settings, () => loadModule(settings.app), parentChannel()!);
