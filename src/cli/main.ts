#!/usr/bin/env -S deno run -A
/**
 * The command `fcgi`.
 *
 * ```sh
 * deno install -g -A -n fcgi jsr:@fastcgi/serve/cli
 * fcgi get / --socket /run/app/fcgi.sock
 * ```
 *
 * @module
 */
import { programArguments, programTerminal } from "../runtime/program.ts";
import { endProgram } from "../runtime/standard_streams.ts";
import { runProgram } from "./program.ts";

endProgram(await runProgram(programArguments(), programTerminal()));
