/** The page that shows a developer what has gone wrong: as HTML, and as text. */
import type { ExcerptLine } from "./excerpt.ts";
import type { Failure, SourcePlace } from "./failure.ts";

/** What a page is about. */
export interface Report {
  /** What has failed, for people: `GET /users`, or the start of the application. */
  readonly what: string;
  readonly failure: Failure;
  /** The source around the place of the failure; empty if it is not known. */
  readonly excerpt: readonly ExcerptLine[];
}

const STYLE = `
:root { color-scheme: light dark; --text: #1c1c1e; --back: #fff; --soft: #6b6b70; --box: #f4f4f6;
  --red: #c5221f; --mark: #fde7e6; }
@media (prefers-color-scheme: dark) {
  :root { --text: #ececef; --back: #18181b; --soft: #9d9da6; --box: #232327; --red: #ff7b72;
    --mark: #4a2326; }
}
body { margin: 0 auto; max-width: 60rem; padding: 2.5rem 1.5rem; color: var(--text);
  background: var(--back); font: 1rem/1.5 system-ui, sans-serif; }
h1 { margin: 0 0 .5rem; font-size: 1.4rem; line-height: 1.35; white-space: pre-wrap;
  overflow-wrap: anywhere; }
h1 span { color: var(--red); }
h2 { margin: 2rem 0 .5rem; font-size: 1rem; }
p { margin: 0 0 .5rem; color: var(--soft); overflow-wrap: anywhere; }
pre { margin: 0; padding: .75rem 0; overflow-x: auto; background: var(--box); border-radius: .5rem;
  font: .85rem/1.6 ui-monospace, monospace; }
pre > code { display: block; width: max-content; min-width: 100%; }
.line { display: block; padding: 0 1rem; }
.line b { display: inline-block; min-width: 3ch; margin-right: 1.5ch; text-align: right;
  font-weight: normal; color: var(--soft); user-select: none; }
.it { background: var(--mark); }
.it b { color: var(--red); }
`;

/** The page as HTML. All text in it is of the application, or of its clients. */
export function pageHtml({ what, failure, excerpt }: Report): string {
  const { name, message, trace, place } = failure;
  // The lines that a compiler adds are in columns; the stack has them, too.
  const [title = ""] = plain(message).split("\n");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escape(oneLineOf(`${name}: ${message}`))}</title>
<style>${STYLE}</style>
</head>
<body>
<p>${escape(what)}</p>
<h1><span>${escape(name)}:</span> ${escape(title)}</h1>
${place === undefined ? "" : `<h2>${escape(placeText(place))}</h2>\n`}${
    excerpt.length === 0 ? "" : `<pre><code>${excerpt.map(lineHtml).join("")}</code></pre>\n`
  }<h2>Stack</h2>
<pre><code>${trace.split("\n").map((line) => `<span class="line">${escape(line)}</span>`).join("")}
</code></pre>
<p><br>fcgi dev shows this, and to this machine alone; fcgi serve answers with a plain 500.</p>
</body>
</html>
`;
}

/** The page as text, for curl and for the terminal. */
export function pageText({ what, failure, excerpt }: Report): string {
  const { name, message, trace, place } = failure;
  const title = `${name}: ${plain(message)}`;
  const width = String(excerpt.at(-1)?.number ?? 0).length;
  const stack = trace.split("\n");
  return [
    what,
    "",
    title,
    ...place === undefined ? [] : ["", placeText(place)],
    ...excerpt.map(({ number, text, isIt }) =>
      `${isIt ? ">" : " "} ${String(number).padStart(width)} | ${text}`.trimEnd()
    ),
    ...stack.length < 2 ? [] : ["", ...stack.slice(1)],
    "",
  ].join("\n");
}

/** A place as editors and terminals know it. */
export function placeText({ file, line, column }: SourcePlace): string {
  return column === undefined ? `${file}:${line}` : `${file}:${line}:${column}`;
}

function lineHtml({ number, text, isIt }: ExcerptLine): string {
  return `<span class="${isIt ? "line it" : "line"}"><b>${number}</b>${escape(text)}</span>`;
}

const ENTITIES: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character]!);
}

/** Colors of a terminal, and other escape sequences. */
// deno-lint-ignore no-control-regex -- these are what is looked for
const SEQUENCES = /\x1b\[[\d;]*[A-Za-z]/g;

/** Text without the colors that compilers put into messages. */
function plain(text: string): string {
  return text.replace(SEQUENCES, "");
}

function oneLineOf(text: string): string {
  return plain(text).replace(/\s+/g, " ").slice(0, 200);
}
