/** A request as a line on the terminal. */
import { oneLine } from "../../log/line.ts";

// As loaded: applications replace the global.
const { URL } = globalThis;

const RESET = "\x1b[0m";
const DIM = "\x1b[2m";
/** The colors of statuses, by their first digit. */
const COLORS: Record<string, string> = {
  "2": "\x1b[32m",
  "3": "\x1b[36m",
  "4": "\x1b[33m",
  "5": "\x1b[31m",
};

/** A request that has ended. */
export interface EndedRequest {
  readonly method: string;
  readonly url: string;
  readonly status: number;
  /** Milliseconds. */
  readonly duration: number;
  /** What has become of its answer, if that is not whole. */
  readonly end?: string | undefined;
}

/** The line, such as `GET /users?x=1 200 12 ms`. */
export function requestLine(
  { method, url, status, duration, end }: EndedRequest,
  isColored: boolean,
): string {
  const paint = (color: string, text: string) => isColored ? color + text + RESET : text;
  const { pathname, search } = new URL(url);
  return [
    oneLine(`${method} ${pathname}${search}`),
    paint(COLORS[String(status)[0]!] ?? "", String(status)),
    paint(DIM, duration < 9_999.5 ? `${duration.toFixed(0)} ms` : `${seconds(duration)} s`),
    ...end === undefined ? [] : [paint(COLORS[5]!, oneLine(`(${end})`))],
  ].join(" ");
}

function seconds(duration: number): string {
  return (duration / 1000).toFixed(1);
}
