/**
 * The letters of a format: php-fpm's (`access.format`), and some of Apache's where php-fpm has
 * none.
 */
import { headerIn, type LogEntry, statusOf, urlOf, userOf } from "./entry.ts";
import { strftime } from "./strftime.ts";

/** The text of a field, Latin-1; `undefined` if there is none. */
export type Field = (entry: LogEntry) => string | undefined;

/** A letter: what it is with this in braces before it, or with nothing. */
type Letter = (braces: string | undefined, letter: string) => Field;

const TIME = "%d/%b/%Y:%H:%M:%S %z";

function plain(field: Field): Letter {
  return (braces, letter) => {
    if (braces === undefined) return field;
    throw new SyntaxError(`%${letter} has nothing in braces`);
  };
}

function named(field: (name: string) => Field): Letter {
  return (braces, letter) => {
    if (braces) return field(braces);
    throw new SyntaxError(`%${letter} needs a name in braces: %{NAME}${letter}`);
  };
}

/** Units, the first one being that without braces. */
function units(names: readonly (readonly [names: string, field: Field])[]): Letter {
  return (braces, letter) => {
    if (braces === undefined) return names[0]![1];
    const found = names.find(([names]) => names.split(" ").includes(braces.toLowerCase()));
    if (found !== undefined) return found[1];
    const known = names.map(([names]) => names.split(" ")[0]).join(", ");
    throw new SyntaxError(`There is no %{${braces}}${letter}: in the braces is one of ${known}`);
  };
}

function time(of: (entry: LogEntry) => number): Letter {
  return (braces) => {
    const format = strftime(braces ?? TIME);
    return (entry) => format(of(entry));
  };
}

function memory(bytes: number): Field {
  return ({ by }) => String(Math.floor(by.memory() / bytes));
}

/** The part of one processor that the process had during the request, in percent. */
function processor(...of: ("user" | "system")[]): Field {
  return ({ used, duration }) => {
    if (used === undefined || duration === 0) return "0.00";
    const micros = of.reduce((sum, kind) => sum + used[kind], 0);
    return (micros / 10 / duration).toFixed(2);
  };
}

const millis: Field = ({ duration }) => duration.toFixed(3);
const micros: Field = ({ duration }) => String(Math.round(duration * 1000));
const address: Field = ({ request: { params } }) => params.get("REMOTE_ADDR");
const method: Field = ({ request: { method } }) => method || undefined;
const param = (name: string): Field => ({ request: { params } }) => params.get(name);

const LETTERS: Readonly<Record<string, Letter>> = {
  C: units([
    ["total", processor("user", "system")],
    ["user", processor("user")],
    ["system", processor("system")],
  ]),
  d: units([
    ["seconds", ({ duration }) => (duration / 1000).toFixed(3)],
    ["milli mili milliseconds miliseconds", millis],
    ["micro microseconds", micros],
  ]),
  e: named(param),
  f: plain(param("SCRIPT_FILENAME")),
  l: plain(({ request: { params } }) => params.get("CONTENT_LENGTH") || "0"),
  m: plain(method),
  M: units([
    ["bytes", memory(1)],
    ["kilo kilobytes", memory(1024)],
    ["mega megabytes", memory(1024 * 1024)],
  ]),
  n: plain(({ by }) => by.pool),
  o: named((name) => ({ request: { head } }) => headerIn(head, name)),
  p: plain(({ by }) => String(by.pid)),
  P: plain(({ by }) => String(by.parentPid())),
  q: plain((entry) => urlOf(entry.request.params).query),
  Q: plain((entry) => urlOf(entry.request.params).query && "?"),
  r: plain((entry) => urlOf(entry.request.params).path),
  R: plain(address),
  s: plain((entry) => String(statusOf(entry))),
  t: time(({ startTime }) => startTime),
  T: time(({ endTime }) => endTime),
  // A space would be the end of the field.
  u: plain((entry) => userOf(entry)?.replaceAll(" ", "+")),

  // Apache's.
  b: plain(({ request: { bytes } }) => bytes > 0 ? String(bytes) : undefined),
  B: plain(({ request: { bytes } }) => String(bytes)),
  D: plain(micros),
  h: plain(address),
  H: plain(param("SERVER_PROTOCOL")),
  i: named((name) => param(`HTTP_${name.toUpperCase().replaceAll("-", "_")}`)),
  U: plain((entry) => urlOf(entry.request.params).path),
  X: units([
    ["sign", ({ request }) => request.isComplete ? "-" : "X"],
    ["json", ({ request }) => String(!request.isComplete)],
  ]),
};

/**
 * What a letter stands for, with what is in braces before it.
 *
 * @throws {SyntaxError} If it is not known, or not with that.
 */
export function fieldOf(letter: string, braces: string | undefined): Field {
  const read = Object.hasOwn(LETTERS, letter) ? LETTERS[letter] : undefined;
  if (read !== undefined) return read(braces, letter);
  const known = Object.keys(LETTERS).map((letter) => `%${letter}`).join(" ");
  throw new SyntaxError(`There is no %${letter} in a format of a log: it has ${known}`);
}
