/** The lines of a file around one of them. */

/** How many lines there are on each side. */
const AROUND = 4;
/** The longest line that is shown, in UTF-16 code units: a file may be minified. */
const MAX_LINE = 400;

/** A line of a file. */
export interface ExcerptLine {
  readonly number: number;
  readonly text: string;
  /** Whether it is the one in question. */
  readonly isIt: boolean;
}

/** The lines around a line, whose number counts from 1; none if the file has no such line. */
export function excerptOf(source: string, line: number): ExcerptLine[] {
  const lines = source.split(/\r?\n/);
  if (!(line >= 1 && line <= lines.length)) return [];
  const first = Math.max(1, line - AROUND);
  return lines.slice(first - 1, line + AROUND).map((text, index) => ({
    number: first + index,
    text: text.slice(0, MAX_LINE),
    isIt: first + index === line,
  }));
}
