/**
 * Describes any value as text: JavaScript can throw any value, and a handler passes on what a
 * library gave it. Getters that throw, objects without a prototype, proxies, revoked ones too,
 * cyclic causes, texts of megabytes: all have a description, and none makes the caller fail.
 *
 * Every property is read inside a `try`, and used only if it is a string. Control characters become
 * spaces; the only line feeds are those between the lines of a description, and all lines but the
 * first are indented.
 */
import { MAX_LOG_LINE, oneLine, withoutControls } from "./line.ts";

/** The longest stack, in UTF-16 code units. */
const MAX_STACK = 8192;
/** The most errors described: causes, and the errors of an AggregateError. */
const MAX_ERRORS = 8;
/** The most properties shown, of an object without a string conversion of its own. */
const MAX_KEYS = 8;
const INDENT = "    ";
const NO_TEXT = "a value that cannot be described";

/** Whether stacks may be read at this moment. */
let mayReadStacks = (): boolean => true;

/**
 * Sets a guard that is called before a stack is read: a runtime may have moments when reading one
 * must be avoided.
 */
export function guardStacks(mayRead: () => boolean): void {
  mayReadStacks = mayRead;
}

/** Options of {@link describe}. */
export interface DescribeOptions {
  /** Whether stacks are shown, one indented line per frame. @default true */
  stack?: boolean;
}

/**
 * Describes an error by its name, message, stack and causes, any other value by its own string
 * conversion or its properties.
 */
export function describe(value: unknown, { stack = true }: DescribeOptions = {}): string {
  try {
    return linesOf(value, stack && mayReadStacks(), new Set()).join("\n");
  } catch {
    return NO_TEXT;
  }
}

/** Describes a thrown value: one that is not an error is marked `Uncaught`. */
export function describeThrown(value: unknown): string {
  return isError(value) ? describe(value) : `Uncaught ${describe(value)}`;
}

/** Formats text as one log line; any other value becomes its description, in one line too. */
export function lineOf(value: unknown): string {
  return oneLine(typeof value === "string" ? value : describe(value));
}

/** The first line of a description. */
export function summarize(value: unknown): string {
  return describe(value, { stack: false }).split("\n", 1)[0]!;
}

/** The message of an error; for any other value, the first line of its description. */
export function messageOf(value: unknown): string {
  return isError(value) ? textOf(value, "message") ?? NO_TEXT : summarize(value);
}

/** Whether a value is an error, of any realm. */
export function isError(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  try {
    if (value instanceof Error) return true;
  } catch {
    // A proxy.
  }
  return textOf(value, "name") !== undefined && textOf(value, "message") !== undefined;
}

/** A property that is a string; `undefined` if it is not one, or cannot be read. */
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

/** The frames of a stack, without the title that most stacks begin with. */
function framesOf(error: object, name: string, message: string): string[] {
  const stack = textOf(error, "stack") ?? "";
  const hasTitle = stack.startsWith(name) && stack.startsWith(message, name.length + 2);
  const at = hasTitle ? name.length + 2 + message.length : stack.search(/\n[ \t]+at /);
  return stack.slice(Math.max(at, 0)).slice(0, MAX_STACK).split("\n")
    .map((line) => clean(line).trim())
    .filter((line) => line !== "" && line !== name)
    .map((line) => INDENT + line);
}

/** The inner errors of an error (`cause`, `errors`), with their labels. */
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

/** Describes a value that is not an error, in a few words; throws where a proxy does. */
function inline(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "function") return `[Function: ${textOf(value, "name") || "anonymous"}]`;
  if (typeof value !== "object" || value === null) return String(value);
  const name = textOf(propertyOf(value, "constructor"), "name") || "Object";
  // Their elements may be many, and tell little.
  if (Array.isArray(value) || ArrayBuffer.isView(value)) {
    return `${name}(${lengthOf(value)})`;
  }
  return ownText(value) ?? `${name} ${propertiesOf(value)}`;
}

/** The string conversion of an object, if it has one of its own. */
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
