/** Times by the format of strftime(3), in the time zone of the process and in English. */

/** Writes a time, in milliseconds since the epoch. */
export type TimeFormat = (time: number) => string;

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS = [
  ...["January", "February", "March", "April", "May", "June", "July"],
  ...["August", "September", "October", "November", "December"],
];
/** The length of the names that %a and %b have. */
const SHORT = 3;

const two = (value: number, fill = "0") => String(value).padStart(2, fill);
const hour12 = (date: Date) => date.getHours() % 12 || 12;

const CONVERSIONS: Readonly<Record<string, string | ((date: Date) => string)>> = {
  a: (date) => DAYS[date.getDay()]!.slice(0, SHORT),
  A: (date) => DAYS[date.getDay()]!,
  b: (date) => MONTHS[date.getMonth()]!.slice(0, SHORT),
  B: (date) => MONTHS[date.getMonth()]!,
  c: "%a %b %e %H:%M:%S %Y",
  C: (date) => two(Math.floor(date.getFullYear() / 100)),
  d: (date) => two(date.getDate()),
  D: "%m/%d/%y",
  e: (date) => two(date.getDate(), " "),
  F: "%Y-%m-%d",
  h: "%b",
  H: (date) => two(date.getHours()),
  I: (date) => two(hour12(date)),
  j: (date) => String(dayOfYear(date)).padStart(3, "0"),
  m: (date) => two(date.getMonth() + 1),
  M: (date) => two(date.getMinutes()),
  p: (date) => date.getHours() < 12 ? "AM" : "PM",
  r: "%I:%M:%S %p",
  R: "%H:%M",
  s: (date) => String(Math.floor(date.getTime() / 1000)),
  S: (date) => two(date.getSeconds()),
  T: "%H:%M:%S",
  u: (date) => String(date.getDay() || 7),
  w: (date) => String(date.getDay()),
  x: "%m/%d/%y",
  X: "%H:%M:%S",
  y: (date) => two(date.getFullYear() % 100),
  Y: (date) => String(date.getFullYear()),
  z: (date) => offset(-date.getTimezoneOffset()),
};

/**
 * Reads a format of strftime(3).
 *
 * @throws {SyntaxError} If it has a conversion that is not known here.
 */
export function strftime(format: string): TimeFormat {
  const parts = partsOf(format);
  let last = NaN;
  let text = "";
  return (time) => {
    const second = Math.floor(time / 1000);
    if (second === last) return text;
    last = second;
    const date = new Date(time);
    return text = parts.map((part) => typeof part === "string" ? part : part(date)).join("");
  };
}

function partsOf(format: string): (string | ((date: Date) => string))[] {
  return (format.match(/%.?|[^%]+/gs) ?? []).flatMap((token) => {
    if (token[0] !== "%") return token;
    if (token === "%%") return "%";
    const letter = token.slice(1);
    if (!Object.hasOwn(CONVERSIONS, letter)) {
      throw new SyntaxError(`There is no ${token} in a format of times`);
    }
    const conversion = CONVERSIONS[letter]!;
    return typeof conversion === "string" ? partsOf(conversion) : conversion;
  });
}

function dayOfYear(date: Date): number {
  const year = date.getFullYear();
  return (Date.UTC(year, date.getMonth(), date.getDate()) - Date.UTC(year, 0, 0)) / 86_400_000;
}

function offset(minutes: number): string {
  const size = Math.abs(minutes);
  return `${minutes < 0 ? "-" : "+"}${two(Math.floor(size / 60))}${two(size % 60)}`;
}
