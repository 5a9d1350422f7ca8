/**
 * HTML in which nothing is a tag that was not written as one: values are escaped, but for other
 * `Markup`.
 */

/** Escaped HTML. Only {@link markup} makes it. */
export class Markup {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** A template: markup`<p>${name}</p>`. Lists are joined. */
export function markup(parts: TemplateStringsArray, ...values: unknown[]): Markup {
  return new Markup(parts.reduce((text, part, i) => text + render(values[i - 1]) + part));
}

function render(value: unknown): string {
  if (value instanceof Markup) return value.text;
  if (Array.isArray(value)) return value.map(render).join("");
  return String(value ?? "").replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

/** A table of names and values. */
export function table(rows: Iterable<readonly [string, unknown]>): Markup {
  const lines = Array.from(
    rows,
    ([name, value]) => markup`<tr><th scope="row">${name}</th><td>${value}</td></tr>\n`,
  );
  return markup`<table>\n${lines}</table>`;
}
