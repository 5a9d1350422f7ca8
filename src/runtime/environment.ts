/**
 * The environment variables of the program, as bytes: every string here is Latin-1, code unit n is
 * byte n.
 *
 * Runtimes decode the environment as UTF-8. Valid UTF-8 is encoded back to its bytes; for other
 * bytes (a client's Latin-1 header, a decoded path) Node and Bun have U+FFFD, and Deno omits the
 * variable. Linux has the exact bytes in /proc/self/environ: they are read from there where
 * permitted, on Deno only with every permission. Variables that Deno has no permission for are
 * absent.
 */
import { Buffer } from "node:buffer";
import { readFileSync } from "node:fs";
import process from "node:process";
import { isDeno, isGranted } from "./deno.ts";

/** The part of `node:http` that resets a proxy (Node 24.14 and later). */
interface NodeHttp {
  setGlobalProxyFromEnv?(env: Record<string, string | undefined>): unknown;
}

const ALL_PERMISSIONS = ["read", "write", "net", "env", "sys", "run", "ffi", "import"] as const;

const encoder = new TextEncoder();

/** U+FFFD, by which the runtimes replace bytes that are not UTF-8. */
const REPLACEMENT = "\ufffd";

/**
 * One variable; `undefined` if it is not set, or if Deno has no permission for it, which
 * {@link mayRead} distinguishes.
 */
export function variable(name: string): string | undefined {
  if (!mayRead(name)) return undefined;
  let value: string | undefined;
  try {
    value = process.env[name];
  } catch {
    // Deno throws for a value that is not UTF-8. But it is set: an allow list must not count as
    // absent because of that.
    value = REPLACEMENT;
  }
  return value === undefined ? undefined : bytesOf(value);
}

/** Whether a variable may be read; on Deno that needs permission. */
export function mayRead(name: string): boolean {
  return isGranted({ name: "env", variable: name });
}

/**
 * All variables, in the order of the system where that is known.
 *
 * @throws {Error} If Deno has no permission for them.
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
 * Deletes `HTTP_PROXY` from the environment of a CGI program, where it is a client's `Proxy` header
 * (httpoxy, CVE-2016-5385), even if an administrator has set it: `fetch` on Bun would send the
 * program's own requests to that proxy, and so would most programs that it starts. Deno's `fetch`
 * ignores it where `REQUEST_METHOD` is set. `http_proxy` in lower case cannot come from a header.
 *
 * @throws {Error} If Deno has no permission to delete it.
 */
export function forgetProxyHeader(): void {
  const isProxy = readsProxiesAtStart() && process.env.HTTP_PROXY && !process.env.http_proxy;
  delete process.env.HTTP_PROXY;
  if (!isProxy) return;
  const http = process.getBuiltinModule("node:http") as NodeHttp;
  // Node has read it at start, and only replaces a proxy by another: so first by one for no host,
  // then by those of the other schemes again.
  http.setGlobalProxyFromEnv?.({ http_proxy: "http://127.0.0.1:9", no_proxy: "*" });
  http.setGlobalProxyFromEnv?.(process.env);
}

/** Whether the runtime is Node with the proxies of its environment in use. */
function readsProxiesAtStart(): boolean {
  if (isDeno || process.versions.bun !== undefined) return false;
  const { NODE_USE_ENV_PROXY, NODE_OPTIONS = "" } = process.env;
  const options = [...process.execArgv, ...NODE_OPTIONS.split(/\s+/)];
  // Node accepts quotes in NODE_OPTIONS, and an underscore for a dash in any option.
  const isSaid = options.some((option) =>
    option.replace(/["'\\]/g, "").replaceAll("_", "-") === "--use-env-proxy"
  );
  return NODE_USE_ENV_PROXY === "1" || isSaid;
}

/** The initial environment, byte by byte, where the system and the runtime permit reading it. */
function exactEnvironment(): Uint8Array | undefined {
  // Deno requires all permissions together for /proc/self/environ.
  if (!ALL_PERMISSIONS.every((name) => isGranted({ name }))) return undefined;
  try {
    return readFileSync("/proc/self/environ");
  } catch {
    return undefined;
  }
}

/** Encodes text as UTF-8 bytes in a Latin-1 string. */
function bytesOf(text: string): string {
  // deno-lint-ignore no-control-regex -- almost every variable is ASCII
  if (/^[\x00-\x7f]*$/.test(text)) return text;
  return latin1(encoder.encode(text));
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}
