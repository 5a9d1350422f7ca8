#!/usr/bin/env -S deno run -A
/**
 * The command `fcgi`, as a program and as a function.
 *
 * ```sh
 * deno install -g -A -n fcgi jsr:@fastcgi/serve/cli
 * fcgi get / --socket /run/app/fcgi.sock
 * ```
 *
 * @module
 */
import { isProgram } from "../runtime/is_program.ts";
import { programArguments, programTerminal } from "../runtime/program.ts";
import { endProgram } from "../runtime/standard_streams.ts";
import { runProgram } from "./program.ts";

/**
 * Runs a command line of `fcgi` in this process, on its standard streams; never rejects.
 *
 * @param args The command and its arguments.
 * @returns The exit code: 0 for success, 2 for a mistake in the arguments, others as
 * `fcgi COMMAND --help` and the guide say.
 *
 * @example A health check
 * ```ts ignore
 * import { fcgi } from "@fastcgi/serve/cli";
 *
 * const isThere = await fcgi("ping", "--quiet", "--socket", "/run/app/fcgi.sock") === 0;
 * ```
 */
export function fcgi(...args: string[]): Promise<number> {
  return runProgram(args, programTerminal());
}

if (isProgram(import.meta)) endProgram(await fcgi(...programArguments()));
