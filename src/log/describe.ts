/**
 * Any value as text: JavaScript throws whatever it is given, and a handler passes on what a library
 * gave it. Getters that throw, objects without a prototype, proxies, revoked ones too, causes in a
 * circle, texts of megabytes: all have a description, and none makes the one who asks for it fail.
 *
 * Every property is read inside of a `try`, and taken for text only if it is text. Control
 * characters become spaces; the only line feeds are those between the lines of a description, all
 * of which but the first are indented.
 */
import { MAX_LOG_LINE, oneLine, withoutControls } from "./line.ts";

/** The longest stack, in UTF-16 code units. */
const MAX_STACK = 8192;
/** How many errors are described at most: causes, and what an AggregateError holds. */
const MAX_ERRORS = 8;
/** How many properties of an object without a text of its own are shown. */
const MAX_KEYS = 8;
const INDENT = "    ";
const NO_TEXT = "a value that cannot be described";

/** Whether a stack may be read at this moment. */
let mayReadStacks = (): boolean => true;

/** Has `mayRead` asked before a stack is read: a runtime may have moments when that must not be. */
export function guardStacks(mayRead: () => boolean): void {
  mayReadStacks = mayRead;
}

/** Options of {@link describe}. */
export interface DescribeOptions {
  /** Whether stacks are shown, one indented line for each frame. @default {true} */
  stack?: boolean;
}

/** An error as its name, message, stack, causes; any other value as what it shows of itself. */
export function describe(value: unknown, { stack = true }: DescribeOptions = {}): string {
  try {
    return linesOf(value, stack && mayReadStacks(), new Set()).join("\n");
  } catch {
    return NO_TEXT;
  }
}

/** The same for what was thrown: of a value that is no error, it says so. */
export function describeThrown(value: unknown): string {
  return isError(value) ? describe(value) : `Uncaught ${describe(value)}`;
}

/** Text as one line of a log, and anything else as its description, in one line, too. */
export function lineOf(value: unknown): string {
  return oneLine(typeof value === "string" ? value : describe(value));
}

/** The first line of a description. */
export function summarize(value: unknown): string {
  return describe(value, { stack: false }).split("\n", 1)[0]!;
}

/** The message of an error; of anything else its description. */
export function messageOf(value: unknown): string {
  return isError(value) ? textOf(value, "message") ?? NO_TEXT : summarize(value);
}

/** Whether this is an error, of whichever realm. */
export function isError(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  try {
    if (value instanceof Error) return true;
  } catch {
    // A proxy.
  }
  return textOf(value, "name") !== undefined && textOf(value, "message") !== undefined;
}

/** A property if it is text; `undefined` if it is not, or cannot be read. */
export function textOf(value: unknown, name: string): string | undefined {
  const text = propertyOf(value, name);
  return typeof text === "string" ? text : undefined;
}

function propertyOf(value: unknown, name: string): unknown {
  try {
    return (value as Record<string, unknown>)[name];
  } catch {
    return undefined;
  }
}

function linesOf(value: unknown, withStack: boolean, seen: Set<unknown>): string[] {
  if (!isError(value)) return [clean(inlineSafely(value))];
  seen.add(value);
  const name = textOf(value, "name") || "Error";
  const message = textOf(value, "message") ?? "(its message cannot be read)";
  const lines = [clean(message === "" ? name : `${cut(name)}: ${cut(message)}`)];
  if (withStack) lines.push(...framesOf(value, name, message));
  for (const [label, inner] of innerOf(value)) {
    if (seen.size >= MAX_ERRORS) break;
    const [first, ...rest] = seen.has(inner)
      ? ["(described above)"]
      : linesOf(inner, withStack, seen);
    lines.push(`${INDENT}${label}: ${first}`, ...rest.map((line) => INDENT + line));
  }
  return lines;
}

/** The lines of a stack behind the title, with which it begins in most cases. */
function framesOf(error: object, name: string, message: string): string[] {
  const stack = textOf(error, "stack") ?? "";
  const hasTitle = stack.startsWith(name) && stack.startsWith(message, name.length + 2);
  const at = hasTitle ? name.length + 2 + message.length : stack.search(/\n[ \t]+at /);
  return stack.slice(Math.max(at, 0)).slice(0, MAX_STACK).split("\n")
    .map((line) => clean(line).trim())
    .filter((line) => line !== "" && line !== name)
    .map((line) => INDENT + line);
}

/** What an error holds of others, and what it is called. */
function innerOf(error: object): [label: string, inner: unknown][] {
  const inner: [string, unknown][] = [];
  const cause = propertyOf(error, "cause");
  if (cause !== undefined) inner.push(["cause", cause]);
  const errors = propertyOf(error, "errors");
  if (typeof errors !== "object" || errors === null) return inner;
  const length = Math.min(lengthOf(errors), MAX_ERRORS);
  for (let i = 0; i < length; i++) inner.push([`errors[${i}]`, propertyOf(errors, String(i))]);
  return inner;
}

function lengthOf(list: object): number {
  const length = propertyOf(list, "length");
  return typeof length === "number" ? length : 0;
}

function inlineSafely(value: unknown): string {
  try {
    return inline(value);
  } catch {
    return NO_TEXT;
  }
}

/** What is no error, in a few words; throws where a proxy does. */
function inline(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "function") return `[Function: ${textOf(value, "name") || "anonymous"}]`;
  if (typeof value !== "object" || value === null) return String(value);
  const name = textOf(propertyOf(value, "constructor"), "name") || "Object";
  // Those may be long, and say nothing.
  if (Array.isArray(value) || ArrayBuffer.isView(value)) {
    return `${name}(${lengthOf(value)})`;
  }
  return ownText(value) ?? `${name} ${propertiesOf(value)}`;
}

/** What an object shows of itself, if it has its own way to. */
function ownText(value: object): string | undefined {
  if (propertyOf(value, "toString") === Object.prototype.toString) return undefined;
  try {
    return String(value);
  } catch {
    return undefined;
  }
}

function propertiesOf(value: object): string {
  const keys = Object.keys(value);
  const shown = keys.slice(0, MAX_KEYS).map((key) => {
    const property = propertyOf(value, key);
    const isObject = typeof property === "object" && property !== null;
    return `${key}: ${isObject ? "[object]" : inline(property).slice(0, 80)}`;
  });
  if (keys.length > MAX_KEYS) shown.push("…");
  return shown.length > 0 ? `{ ${shown.join(", ")} }` : "{}";
}

function cut(text: string): string {
  return text.length > MAX_LOG_LINE ? `${text.slice(0, MAX_LOG_LINE)}…` : text;
}

function clean(text: string): string {
  return withoutControls(cut(text));
}
