/** `fcgi ping`: whether a FastCGI application answers, for health checks. */
import { connect, FastCgiClient } from "../client/mod.ts";
import { messageOf } from "../log/describe.ts";
import type { Arguments, Command } from "./command.ts";
import { ExitCode } from "./exit_code.ts";
import { PROBE_PARAM } from "./serve_with_commands.ts";
import { secondsOf } from "./numbers.ts";
import { nameOf, TARGET_OPTIONS, targetOf } from "./target.ts";
import type { Terminal } from "./terminal.ts";

// As loaded: `fcgi serve` runs applications, which replace globals.
const { Promise, Request, URL } = globalThis;

const TIMEOUT = 2;
const BASE = "http://localhost";
/** What every application may be asked (FastCGI 1.0, section 4.1). */
const NAMES = ["FCGI_MAX_CONNS", "FCGI_MAX_REQS", "FCGI_MPXS_CONNS"];

export const ping: Command = {
  name: "ping",
  summary: "say whether an application answers: exit code 0 or 1",
  operands: [],
  options: [
    ...TARGET_OPTIONS,
    {
      name: "path",
      value: "/PATH",
      help: "send a whole request, which has to have a status below 400; without it the " +
        "application's own code is not asked, only its FastCGI library (GET_VALUES)",
    },
    {
      name: "timeout",
      value: "SECONDS",
      fallback: String(TIMEOUT),
      help: "the longest time until the answer",
    },
    { name: "quiet", short: "q", help: "print nothing" },
  ],
  examples: [
    ["fcgi ping --socket /run/app/fcgi.sock", "is it there?"],
    ["fcgi ping -c 9000 --path /health", "can it answer a request?"],
  ],
  run: runPing,
};

async function runPing(args: Arguments, terminal: Terminal): Promise<number> {
  const address = targetOf(args);
  const seconds = secondsOf(args.value("timeout") ?? String(TIMEOUT));
  const from = performance.now();
  const client = new FastCgiClient({
    connect: () => connect(address),
    onStderr: (line) => args.has("quiet") ? undefined : terminal.err(line),
  });
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    late.reject(new Error(`No answer from ${nameOf(address)} within ${seconds} s`));
  }, seconds * 1000);
  try {
    const problem = await Promise.race([ask(client, args.value("path")), late.promise]);
    if (problem !== undefined) throw new Error(problem);
    const time = (performance.now() - from).toFixed(1);
    if (!args.has("quiet")) await terminal.out(`${nameOf(address)} answers: ${time} ms\n`);
    return ExitCode.SUCCESS;
  } catch (error) {
    if (!args.has("quiet")) terminal.err(`fcgi: ${messageOf(error)}`);
    return ExitCode.FAILED;
  } finally {
    clearTimeout(timer);
    client.close();
  }
}

/** Returns what is wrong with the answer. */
async function ask(client: FastCgiClient, path: string | undefined): Promise<string | undefined> {
  if (path === undefined) {
    await client.values(NAMES);
    return undefined;
  }
  // No line in the access log of fcgi serve.
  const params = { [PROBE_PARAM]: "1" };
  const response = await client.fetch(new Request(new URL(path, BASE)), { params });
  await response.arrayBuffer();
  return response.status < 400 ? undefined : `${path} has the status ${response.status}`;
}
