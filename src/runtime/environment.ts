/**
 * The environment variables of the program, as the bytes they are: every string here is Latin-1,
 * code unit n is byte n.
 *
 * Runtimes read the environment as UTF-8. Text that is UTF-8 goes back to its bytes; for other
 * bytes (a client's Latin-1 header, a decoded path) Node and Bun have U+FFFD, and Deno leaves the
 * variable out. Linux has the exact bytes in /proc/self/environ: they are taken from there where
 * that may be read, on Deno only with every permission. What Deno does not let be read is absent.
 */
import { Buffer } from "node:buffer";
import { readFileSync } from "node:fs";
import process from "node:process";
import { isDeno, isGranted } from "./deno.ts";

/** As much of `node:http` as is needed to take back a proxy (Node 24.14 and later). */
interface NodeHttp {
  setGlobalProxyFromEnv?(env: Record<string, string | undefined>): unknown;
}

const ALL_PERMISSIONS = ["read", "write", "net", "env", "sys", "run", "ffi", "import"] as const;

const encoder = new TextEncoder();

/** What the runtimes put in place of bytes that are not UTF-8. */
const REPLACEMENT = "\ufffd";

/**
 * One variable; `undefined` if there is none, or if Deno does not let it be read, which {@link
 * mayRead} tells apart.
 */
export function variable(name: string): string | undefined {
  if (!mayRead(name)) return undefined;
  let value: string | undefined;
  try {
    value = process.env[name];
  } catch {
    // Deno throws for a value that is not UTF-8. It is there: a list of addresses must not count as
    // none for that.
    value = REPLACEMENT;
  }
  return value === undefined ? undefined : bytesOf(value);
}

/** Whether a variable can be read; on Deno that takes permission. */
export function mayRead(name: string): boolean {
  return isGranted({ name: "env", variable: name });
}

/**
 * All variables, in the order of the system where it tells.
 *
 * @throws {Error} If Deno does not let them be read.
 */
export function environment(): [name: string, value: string][] {
  if (!isGranted({ name: "env" })) {
    throw new Error(
      "Cannot read the environment, which holds the CGI request. Run deno with --allow-env",
    );
  }
  const bytes = exactEnvironment();
  if (bytes === undefined) {
    return Object.entries(process.env).map(([name, value = ""]) => [bytesOf(name), bytesOf(value)]);
  }
  return latin1(bytes).split("\0").filter((pair) => pair.indexOf("=") > 0).map((pair) => {
    const at = pair.indexOf("=");
    return [pair.slice(0, at), pair.slice(at + 1)];
  });
}

/**
 * Takes `HTTP_PROXY` out of the environment of a CGI program, where it is a client's `Proxy` header
 * (httpoxy, CVE-2016-5385), whatever else an administrator meant by it: `fetch` on Bun would send
 * the program's own requests there, and so would most programs that it starts. Deno's `fetch` takes
 * no notice of it beside `REQUEST_METHOD`. `http_proxy` in lower case is no header's.
 *
 * @throws {Error} If Deno does not let it be removed.
 */
export function forgetProxyHeader(): void {
  const isProxy = readsProxiesAtStart() && process.env.HTTP_PROXY && !process.env.http_proxy;
  delete process.env.HTTP_PROXY;
  if (!isProxy) return;
  const http = process.getBuiltinModule("node:http") as NodeHttp;
  // Node has taken it for its own already, and takes a new one only for an old one: so first one
  // for no host, then those for other schemes again.
  http.setGlobalProxyFromEnv?.({ http_proxy: "http://127.0.0.1:9", no_proxy: "*" });
  http.setGlobalProxyFromEnv?.(process.env);
}

/** Whether this is Node, told to use the proxies of its environment. */
function readsProxiesAtStart(): boolean {
  if (isDeno || process.versions.bun !== undefined) return false;
  const { NODE_USE_ENV_PROXY, NODE_OPTIONS = "" } = process.env;
  const options = [...process.execArgv, ...NODE_OPTIONS.split(/\s+/)];
  // Node takes quotes in NODE_OPTIONS, and an underscore for a dash in any option.
  const isSaid = options.some((option) =>
    option.replace(/["'\\]/g, "").replaceAll("_", "-") === "--use-env-proxy"
  );
  return NODE_USE_ENV_PROXY === "1" || isSaid;
}

/**
 * What the program was started with, byte by byte, where the system and the runtime let it be seen.
 */
function exactEnvironment(): Uint8Array | undefined {
  // Deno guards /proc/self/environ with all permissions together.
  if (!ALL_PERMISSIONS.every((name) => isGranted({ name }))) return undefined;
  try {
    return readFileSync("/proc/self/environ");
  } catch {
    return undefined;
  }
}

/** The UTF-8 bytes of text as a Latin-1 string. */
function bytesOf(text: string): string {
  // deno-lint-ignore no-control-regex -- almost every variable is ASCII
  if (/^[\x00-\x7f]*$/.test(text)) return text;
  return latin1(encoder.encode(text));
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}
