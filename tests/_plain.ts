/**
 * Closes the doors that src/ finds in the runtimes, before it looks for them: loaded before the
 * tests, this has them run the plain way, which is that of a runtime without those doors.
 */
import process from "node:process";

/** Whether this has been loaded. */
export const isPlain = () => Symbol.for("fastcgi tests: plain") in globalThis;

/** Fields of Deno's `Request` and `Response`. */
const FIELDS = ["lazy static body", "request", "response", "serve fast consumed"];

export function closeDoors(): void {
  Object.defineProperty(globalThis, Symbol.for("fastcgi tests: plain"), { value: true });
  const { getOwnPropertySymbols } = Object;
  Object.getOwnPropertySymbols = (value) =>
    getOwnPropertySymbols(value).filter(({ description }) => !FIELDS.includes(description ?? ""));
  const builtins = process as unknown as Record<string, (name: string) => unknown>;
  for (const [method, module] of [["binding", "stream_wrap"], ["getBuiltinModule", "bun:jsc"]]) {
    const get = builtins[method!];
    builtins[method!] = (name) => name === module ? undefined : get?.call(process, name);
  }
}
