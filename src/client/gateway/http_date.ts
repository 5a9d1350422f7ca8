/** Dates of HTTP (RFC 9110, section 5.6.7), in whole seconds since the epoch. */

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const MONTH = `(?<month>${MONTHS.join("|")})`;
const TIME = "(?<time>\\d\\d:\\d\\d:\\d\\d)";

/** The three forms that a recipient must accept; the first is the one to send. */
const FORMS = [
  // Sun, 06 Nov 1994 08:49:37 GMT
  new RegExp(
    `^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (?<day>\\d\\d) ${MONTH} (?<year>\\d{4}) ${TIME} GMT$`,
  ),
  // Sunday, 06-Nov-94 08:49:37 GMT
  new RegExp(
    `^(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (?<day>\\d\\d)-${MONTH}-(?<year>\\d\\d) ${TIME} GMT$`,
  ),
  // Sun Nov  6 08:49:37 1994
  new RegExp(
    `^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) ${MONTH} (?<day>[ \\d]\\d) ${TIME} (?<year>\\d{4})$`,
  ),
];

/**
 * Reads a date; `undefined` if it is none.
 *
 * @param now In milliseconds since the epoch: a year of two digits is none of more than 50 years
 * ahead.
 */
export function parseHttpDate(text: string, now: number): number | undefined {
  for (const form of FORMS) {
    const { day, month, year, time } = form.exec(text)?.groups ?? {};
    if (day === undefined) continue;
    const date = `${day.trim().padStart(2, "0")} ${month}`;
    const seconds = Date.parse(`${date} ${fullYear(year!, now)} ${time} GMT`) / 1000;
    return Number.isNaN(seconds) ? undefined : seconds;
  }
  return undefined;
}

/** Writes a date. */
export function formatHttpDate(seconds: number): string {
  return new Date(seconds * 1000).toUTCString();
}

function fullYear(year: string, now: number): string {
  if (year.length === 4) return year;
  const current = new Date(now).getUTCFullYear();
  const guess = current - current % 100 + Number(year);
  return String(guess > current + 50 ? guess - 100 : guess);
}
