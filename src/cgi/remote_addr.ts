/**
 * The address of the HTTP client (RFC 3875, section 4.1.8; `REMOTE_PORT` is an extension that every
 * server has).
 */
import type { ParamsView } from "./params.ts";

/**
 * The remote address, with `""` and 0 where the parameter is absent or invalid. IPv6 addresses are
 * without brackets.
 */
export function remoteAddress(
  params: ParamsView,
): { transport: "tcp"; hostname: string; port: number } {
  let hostname = params.get("REMOTE_ADDR") ?? "";
  if (hostname.startsWith("[")) hostname = hostname.replace(/^\[(.*)\]$/, "$1");
  const port = params.get("REMOTE_PORT") ?? "";
  const number = /^\d{1,5}$/.test(port) ? Number(port) : 0;
  return { transport: "tcp", hostname, port: number <= 65535 ? number : 0 };
}
