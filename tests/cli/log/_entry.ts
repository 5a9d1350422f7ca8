import { CgiParams } from "../../../src/cgi/params.ts";
import type { LogEntry } from "../../../src/cli/log/entry.ts";
import { LogFormat } from "../../../src/cli/log/format.ts";

/** What a test says of a request; the rest is that of a GET of `/` by 192.0.2.1. */
export interface EntrySpec {
  params?: Record<string, string>;
  method?: string;
  head?: string;
  bytes?: number;
  isComplete?: boolean;
  pool?: string;
}

/** When the request began: at half past two in UTC. */
export const START = Date.UTC(2026, 1, 3, 14, 30, 5);

/** A request that took 12.3456 ms, with 6 ms of one processor. */
export function entry(spec: EntrySpec = {}): LogEntry {
  const params = new CgiParams();
  const all = {
    REMOTE_ADDR: "192.0.2.1",
    REQUEST_URI: "/",
    QUERY_STRING: "",
    SERVER_PROTOCOL: "HTTP/1.1",
    ...spec.params,
  };
  for (const [name, value] of Object.entries(all)) params.append(name, value);
  return {
    request: {
      params,
      method: spec.method ?? "GET",
      head: spec.head ?? "Content-Type: text/plain\r\nStatus: 200 OK\r\n\r\n",
      bytes: spec.bytes ?? 1234,
      isComplete: spec.isComplete ?? true,
    },
    by: {
      pid: 42,
      pool: spec.pool ?? "app.ts",
      parentPid: () => 7,
      memory: () => 3 * 1024 * 1024 + 100,
      processorTime: () => ({ user: 0, system: 0 }),
    },
    startTime: START,
    endTime: START + 12,
    duration: 12.3456,
    used: { user: 5000, system: 1000 },
  };
}

/** The line of a request, without its line feed. */
export function lineOf(format: string, spec: EntrySpec = {}): string {
  return new LogFormat(format).line(entry(spec)).replace(/\n$/, "");
}
