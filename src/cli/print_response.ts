/** A response on standard output. */
import type { Terminal } from "./terminal.ts";

// As loaded: `fcgi serve` runs applications, which replace the global.
const { TextDecoder } = globalThis;

/** A response as JSON. */
interface Reply {
  status: number;
  statusText: string;
  headers: [name: string, value: string][];
  /** As text if it is UTF-8, else in base64. */
  body?: string;
  bodyBase64?: string;
  /** The lines that the application has written to FCGI_STDERR. */
  stderr: readonly string[];
}

/** Prints the body as it comes; with `includes`, status and headers before it. */
export async function printResponse(
  response: Response,
  includes: boolean,
  terminal: Terminal,
): Promise<void> {
  if (includes) {
    const lines = [
      `HTTP/1.1 ${response.status} ${response.statusText}`.trimEnd(),
      ...[...response.headers].map(([name, value]) => `${name}: ${value}`),
      "",
    ];
    await terminal.out(lines.map((line) => `${line}\n`).join(""));
  }
  for await (const chunk of response.body ?? []) await terminal.out(chunk);
}

/** Prints all of it as JSON; `stderr` is complete when the body is. */
export async function printJson(
  response: Response,
  stderr: readonly string[],
  terminal: Terminal,
): Promise<void> {
  const bytes = new Uint8Array(await response.arrayBuffer());
  const { status, statusText } = response;
  const headers = [...response.headers];
  const reply: Reply = { status, statusText, headers, ...bodyAsText(bytes), stderr };
  await terminal.out(`${JSON.stringify(reply, null, 2)}\n`);
}

function bodyAsText(bytes: Uint8Array): Pick<Reply, "body" | "bodyBase64"> {
  try {
    return { body: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    return { bodyBase64: btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join("")) };
  }
}
