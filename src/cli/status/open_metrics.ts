import type { ProcessStatus, StatusReport } from "./report.ts";

/** A metric of the whole: its name without `fcgi_`, where its value is, and what it says. */
type Metric = readonly [name: string, field: keyof StatusReport, help: string];

const COUNTERS: readonly Metric[] = [
  ["accepted_connections", "accepted conn", "Connections accepted"],
  ["refused_connections", "refused conn", "Connections beyond the limit"],
  ["requests", "accepted requests", "Requests begun"],
  ["rejected_requests", "rejected requests", "Requests answered in place of the application"],
  [
    "failed_requests",
    "failed requests",
    "Requests whose handler threw or whose response broke off",
  ],
  ["aborted_requests", "aborted requests", "Requests given up by the web server"],
  ["slow_requests", "slow requests", "Requests that took longer than --slow"],
  ["restarts", "restarts", "Workers started in place of others"],
];
const GAUGES: readonly Metric[] = [
  ["start_time_seconds", "start time", "When it was started, since the epoch"],
  ["processes", "total processes", "Processes"],
  ["idle_processes", "idle processes", "Processes without a request in progress"],
  ["active_processes", "active processes", "Processes with one"],
  ["active_requests", "active requests", "Requests in progress"],
  ["memory_bytes", "memory", "Resident memory of all processes"],
  ["generation", "generation", "Reloads so far, and 1"],
];
const OF_PROCESS: readonly (readonly [name: string, field: keyof ProcessStatus, help: string])[] = [
  ["process_active_requests", "active requests", "Requests in progress in a process"],
  ["process_connections", "connections", "Connections of a process"],
  ["process_memory_bytes", "memory", "Resident memory of a process"],
];

/** A status in the text format of OpenMetrics 1.0. */
export function openMetricsOf(report: StatusReport): string {
  const pool = `pool="${escape(report.pool)}"`;
  const lines = [
    ...COUNTERS.flatMap(([name, field, help]) => [
      ...head(name, "counter", help),
      `fcgi_${name}_total{${pool}} ${report[field]}`,
    ]),
    ...GAUGES.flatMap(([name, field, help]) => [
      ...head(name, "gauge", help),
      `fcgi_${name}{${pool}} ${report[field]}`,
    ]),
    ...OF_PROCESS.flatMap(([name, field, help]) => [
      ...head(name, "gauge", help),
      ...report.processes.filter((one) => one[field] !== null).map((one) =>
        `fcgi_${name}{${pool},slot="${one.slot}",pid="${one.pid}"} ${one[field]}`
      ),
    ]),
    "# EOF",
  ];
  return lines.map((line) => `${line}\n`).join("");
}

function head(name: string, type: string, help: string): string[] {
  return [`# TYPE fcgi_${name} ${type}`, `# HELP fcgi_${name} ${help}.`];
}

function escape(text: string): string {
  return text.replace(/[\\"]/g, "\\$&").replaceAll("\n", "\\n");
}
