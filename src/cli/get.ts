/** `fcgi get`: one request straight to a FastCGI socket, without a web server. */
import type { ClientParams, ClientRole } from "../client/mod.ts";
import { messageOf } from "../log/describe.ts";
import { type Arguments, type Command, UsageError } from "./command.ts";
import { ExitCode } from "./exit_code.ts";
import { secondsOf } from "./numbers.ts";
import { printJson, printResponse } from "./print_response.ts";
import { TARGET_OPTIONS, targetOf } from "./target.ts";
import type { Terminal } from "./terminal.ts";
import { withClient } from "./with_client.ts";

// As loaded: `fcgi serve` runs applications, which replace globals.
const { Headers, Request, TextEncoder, URL } = globalThis;

/** Where a path alone belongs. */
const BASE = "http://localhost";
const FORM = "application/x-www-form-urlencoded";
const TIMEOUT = 30;

export const get: Command = {
  name: "get",
  summary: "send one request straight to a FastCGI socket",
  operands: [{ name: "URL" }],
  options: [
    ...TARGET_OPTIONS,
    {
      name: "request",
      short: "X",
      value: "METHOD",
      fallback: "GET, POST with --data",
      help: "the method",
    },
    {
      name: "header",
      short: "H",
      value: "'NAME: VALUE'",
      isRepeated: true,
      help: "a header of the request",
    },
    {
      name: "data",
      short: "d",
      value: "DATA",
      help: "the body; @FILE for that of a file, @- for standard input",
    },
    {
      name: "param",
      short: "p",
      value: "NAME=VALUE",
      isRepeated: true,
      help: "a CGI parameter, beside those that a web server sends; NAME alone leaves one out",
    },
    {
      name: "script",
      value: "FILE",
      help: "SCRIPT_FILENAME, which php-fpm runs, and what belongs to it",
    },
    {
      name: "role",
      value: "ROLE",
      choices: ["responder", "authorizer", "filter"],
      fallback: "responder",
      help: "what the application is asked to be",
    },
    { name: "include", short: "i", help: "print the status and the headers, too" },
    { name: "json", help: "print all of it as JSON: status, headers, body, stderr" },
    { name: "fail", short: "f", help: "exit with 22 if the status is 400 or more" },
    {
      name: "timeout",
      value: "SECONDS",
      fallback: String(TIMEOUT),
      help: "give up after so long, and exit with 28",
    },
  ],
  examples: [
    ["fcgi get / --socket /run/app/fcgi.sock", "what does the application say?"],
    [
      "fcgi get /status?full --script /status --socket /run/php/php-fpm.sock",
      "php-fpm's own status page",
    ],
    ["fcgi get /form -d name=value -i -c 9000", "a form, and the headers of the answer"],
  ],
  run: runGet,
};

async function runGet(args: Arguments, terminal: Terminal): Promise<number> {
  const stderr: string[] = [];
  const reach = {
    address: targetOf(args),
    timeout: secondsOf(args.value("timeout") ?? String(TIMEOUT)),
    ...args.has("json") && { onStderr: (line: string) => void stderr.push(line) },
  };
  const request = await requestOf(args, terminal);
  return await withClient(reach, terminal, async (client, signal) => {
    const response = await client.fetch(request, {
      params: paramsOf(args, terminal),
      role: (args.value("role") ?? "responder") as ClientRole,
      signal,
    });
    if (args.has("json")) await printJson(response, stderr, terminal);
    else await printResponse(response, args.has("include"), terminal);
    return args.has("fail") && response.status >= 400 ? ExitCode.HTTP_ERROR : ExitCode.SUCCESS;
  });
}

async function requestOf(args: Arguments, terminal: Terminal): Promise<Request> {
  const text = args.operands[0]!;
  let url: URL;
  try {
    url = new URL(text, BASE);
  } catch {
    throw new UsageError(`"${text}" is no URL, and no path`);
  }
  if (!/^https?:$/.test(url.protocol)) {
    throw new UsageError(`"${text}" is no http: URL, and no path that begins with /`);
  }
  const headers = headersOf(args.values("header"));
  const body = await bodyOf(args.value("data"), terminal);
  const method = args.value("request") ?? (body === undefined ? "GET" : "POST");
  if (body !== undefined && !headers.has("content-type")) headers.set("content-type", FORM);
  try {
    return new Request(url, { method, headers, body });
  } catch (error) {
    throw new UsageError(`Cannot make the request: ${messageOf(error)}`);
  }
}

function headersOf(lines: readonly string[]): Headers {
  const headers = new Headers();
  for (const line of lines) {
    const [, name, value] = /^([^:\s]+):\s*(.*)$/s.exec(line) ?? [];
    try {
      headers.append(name ?? "", value ?? "");
    } catch {
      throw new UsageError(`"${line}" is no header: --header 'NAME: VALUE'`);
    }
  }
  return headers;
}

async function bodyOf(
  data: string | undefined,
  terminal: Terminal,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  if (data === undefined) return undefined;
  if (!data.startsWith("@")) return new TextEncoder().encode(data);
  try {
    return await terminal.read(data.slice(1));
  } catch (error) {
    throw new UsageError(`Cannot read the body: ${messageOf(error)}`);
  }
}

/** Parameters of the options. php-fpm needs the script as a file, and finds the rest by it. */
function paramsOf(args: Arguments, terminal: Terminal): ClientParams {
  const script = args.value("script");
  const given = args.values("param").map((text): [string, string | undefined] => {
    const at = text.indexOf("=");
    return at < 0 ? [text, undefined] : [text.slice(0, at), latin1(text.slice(at + 1))];
  });
  if (script === undefined) return given;
  const file = terminal.absolute(script);
  const names = new Set(given.map(([name]) => name));
  const ofScript: [string, string][] = [
    ["SCRIPT_FILENAME", latin1(file)],
    ["DOCUMENT_ROOT", latin1(file.slice(0, file.lastIndexOf("/")) || "/")],
  ];
  return [...ofScript.filter(([name]) => !names.has(name)), ...given];
}

/** The UTF-8 bytes of a text, a code unit for each, as parameters are. */
function latin1(text: string): string {
  return Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join("");
}
