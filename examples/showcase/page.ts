import { Markup, markup } from "./markup.ts";

/** A whole page as a response. */
export function page(title: string, content: Markup, init: ResponseInit = {}): Response {
  const headers = new Headers(init.headers);
  headers.set("content-type", "text/html; charset=utf-8");
  headers.set("cache-control", "no-store");
  const { text } = markup`${pageStart(title)}<main>\n${content}\n</main>\n</body>\n</html>\n`;
  return new Response(text, { ...init, headers });
}

/** Everything up to what the page has to say. */
export function pageStart(title: string, className = "page"): Markup {
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>${title}</title>
<style>${new Markup(STYLE)}</style>
</head>
<body class="${className}">
`;
}

/** The way back from a page next to the start page. */
export const BACK: Markup = markup`\n<p class="back"><a href="./">Back</a></p>`;

const STYLE = `
:root {
  color-scheme: light dark;
  --back: #f4f5f8; --card: #fff; --line: #e0e3ea; --text: #1c2330; --dim: #596377;
  --accent: #0b6b49; --on-accent: #fff;
}
@media (prefers-color-scheme: dark) {
  :root {
    --back: #14161a; --card: #1d2026; --line: #30343d; --text: #e4e7ec; --dim: #98a1b2;
    --accent: #5ad1a0; --on-accent: #10261d;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--text); font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 68rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { font-size: 2.1rem; line-height: 1.2; letter-spacing: -.02em; margin: 0 0 .5rem; }
h2 { font-size: 1.05rem; margin: 0 0 .6rem; }
p { margin: 0 0 .8rem; }
a { color: var(--accent); }
td, code { font-family: ui-monospace, "Cascadia Code", Menlo, monospace; font-size: .87em; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: baseline; padding: .32rem 0; border-top: 1px solid var(--line); }
tr:first-child > * { border-top: 0; }
th { font-weight: 500; font-size: .9em; color: var(--dim); padding-right: 1.4rem; width: 1%; white-space: nowrap; }
td { overflow-wrap: anywhere; }
summary { cursor: pointer; font-weight: 600; }
details[open] summary { margin-bottom: .6rem; }
form { display: grid; gap: .7rem; justify-items: start; }
label { display: grid; gap: .2rem; width: 100%; font-size: .92rem; color: var(--dim); }
input, textarea { font: inherit; color: var(--text); background: var(--back); border: 1px solid var(--line);
  border-radius: .45rem; padding: .45rem .6rem; width: 100%; }
button { font: inherit; font-weight: 600; color: var(--on-accent); background: var(--accent); border: 0;
  border-radius: .45rem; padding: .5rem 1.2rem; cursor: pointer; }
iframe { display: block; width: 100%; height: 16rem; border: 1px solid var(--line); border-radius: .5rem; }
ul { margin: 0; padding-left: 1.2rem; }
.lead { color: var(--dim); font-size: 1.1rem; margin-bottom: 2rem; }
.lead b { color: var(--text); font-weight: 600; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); gap: 1rem; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .8rem; padding: 1.2rem 1.3rem; min-width: 0; }
.card > :last-child { margin-bottom: 0; }
.wide { grid-column: 1 / -1; }
.hint { color: var(--dim); font-size: .92rem; }
.big { font-size: 2.1rem; font-weight: 650; line-height: 1.1; font-variant-numeric: tabular-nums; margin-bottom: 1.6rem; }
.back { margin: 2rem 0 0; }
.stream { background: var(--card); padding: .6rem .9rem; font: .85rem/1.75 ui-monospace, Menlo, monospace; }
@media (max-width: 34rem) { th, td { display: block; width: auto; } td { border: 0; padding-top: 0; } }
`;
