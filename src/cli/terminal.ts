/** What a command has to do with; tests have another one. */
export type { ProgramTerminal as Terminal } from "../runtime/program.ts";
