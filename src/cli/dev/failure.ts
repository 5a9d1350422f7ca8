/** What has gone wrong in an application, as it goes from its process to the page. */
import { describeThrown, isError, messageOf, textOf } from "../../log/describe.ts";

// As loaded: applications replace the global.
const { URL } = globalThis;

/** The longest message on a page, in UTF-16 code units. */
const MAX_MESSAGE = 8_192;
/** Where this library is: its frames tell nothing of the application. */
const OWN_URL = new URL("../../", import.meta.url);
const OWN_PATH = pathOf(OWN_URL.href);

/** A line of a file. */
export interface SourcePlace {
  readonly file: string;
  readonly line: number;
  readonly column?: number;
}

/** An error of an application. */
export interface Failure {
  /** The kind of error, such as `TypeError`. */
  readonly name: string;
  readonly message: string;
  /** Its description with its stack and causes, in lines; without frames of this library. */
  readonly trace: string;
  /** Where in the application it was thrown, if that is known. */
  readonly place?: SourcePlace;
}

/** Describes whatever was thrown. */
export function failureOf(thrown: unknown): Failure {
  const place = positionOf(thrown) ?? placeIn(linesOf(thrown));
  return {
    name: isError(thrown) ? textOf(thrown, "name") || "Error" : "Uncaught",
    message: (isError(thrown) && textOf(thrown, "message") || messageOf(thrown))
      .slice(0, MAX_MESSAGE),
    trace: describeThrown(thrown).split("\n").filter((line) => !isOwnFrame(line)).join("\n"),
    ...place === undefined ? {} : { place },
  };
}

/** Where an error says that it is, on Bun: a fault of syntax has no stack there. */
function positionOf(thrown: unknown): SourcePlace | undefined {
  try {
    const { file, line, column } = (thrown as { position: SourcePlace }).position;
    return typeof file === "string" && typeof line === "number"
      ? { file, line, column: Number(column) }
      : undefined;
  } catch {
    return undefined;
  }
}

function linesOf(thrown: unknown): string[] {
  if (!isError(thrown)) return [];
  const { message, stack } = { message: textOf(thrown, "message"), stack: textOf(thrown, "stack") };
  // On Deno a message may name the place: `Module not found "…".\n    at file:///app.ts:1:19`.
  return `${stack ?? ""}\n${message ?? ""}`.split("\n");
}

/**
 * `at f (PLACE)`; `at PLACE`, also at the end of a message, where Deno may write ` at ext:…` behind
 * it; and `PATH:LINE` alone, above the stack of a fault of syntax on Node.
 */
const FRAMES = [
  /\((.+):(\d+):(\d+)\)$/,
  /(?:^|\s)at (?:async )?((?:file:\/\/|\/|[A-Za-z]:[\\/]).*?):(\d+):(\d+)(?= at |$)/,
  /^((?:file:\/\/|\/|[A-Za-z]:[\\/]).+?):(\d+)$/,
];

/** The first place in lines of a stack that is in a file of the application. */
export function placeIn(lines: readonly string[]): SourcePlace | undefined {
  for (const line of lines) {
    for (const frame of FRAMES) {
      const [, name = "", number, column] = frame.exec(line.trim()) ?? [];
      const file = pathOf(name);
      if (file === undefined || !isOfApplication(file)) continue;
      return { file, line: Number(number), ...column ? { column: Number(column) } : {} };
    }
  }
  return undefined;
}

/** The path of a file that is named by it, or by its URL; `undefined` for anything else. */
function pathOf(name: string): string | undefined {
  if (/^(?:\/|[A-Za-z]:[\\/])/.test(name)) return name;
  if (!name.startsWith("file://")) return undefined;
  try {
    // On Windows: /C:/…
    return decodeURIComponent(new URL(name).pathname).replace(/^\/(?=[A-Za-z]:\/)/, "");
  } catch {
    return undefined;
  }
}

function isOfApplication(file: string): boolean {
  if (/[\\/]node_modules[\\/]/.test(file)) return false;
  return OWN_PATH === undefined || !file.startsWith(OWN_PATH);
}

function isOwnFrame(line: string): boolean {
  if (!/^\s+at /.test(line)) return false;
  return line.includes(OWN_URL.href) || OWN_PATH !== undefined && line.includes(OWN_PATH);
}
