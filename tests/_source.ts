/**
 * TypeScript source as text: its code without comments and strings, and what it imports.
 *
 * Comments, strings and regular expressions are blanked out, and the strings set aside, since
 * import specifiers are strings. No parser, so no dependency: `rooms_test.ts` has samples of all
 * that could deceive it.
 */

/** One import or re-export. */
export interface Import {
  specifier: string;
  typeOnly: boolean;
}

/** The imports of a text that went through `blank`. */
export function importsOf(code: string, strings: string[]): Import[] {
  const imports: Import[] = [];
  const add = (pattern: RegExp, isTypeOnly: (clause: string) => boolean) => {
    for (const { groups } of code.matchAll(pattern)) {
      const specifier = strings[Number(groups?.index)] ?? "";
      imports.push({ specifier, typeOnly: isTypeOnly(groups?.clause ?? "") });
    }
  };
  const members = (clause: string) => clause.replace(/^[^{]*\{|\}[^}]*$/g, "").split(",");
  add(
    /(?<![.\w$])(?:import|export)(?<clause>[\s\w$*,{}"]*?)(?<![\w$])from\s*"(?<index>\d+)"/g,
    (clause) =>
      /^\s+type\s+[\w$*{]/.test(clause) ||
      (/^\s*\{/.test(clause) &&
        members(clause).every((member) => /^\s*(?:type\s+[\w$]|$)/.test(member))),
  );
  add(/(?<![.\w$])import\s*"(?<index>\d+)"/g, () => false);
  // Both the expression and the type `import("./x.ts").X`: taken for a value, to be safe.
  add(/(?<![.\w$])import\s*\(\s*"(?<index>\d+)"/g, () => false);
  return imports;
}

/** A slash after one of these starts a regular expression; after a value it divides. */
const BEFORE_REGEXP =
  /(?:^|[=([{},;:?!&|+\-*%<>~^]|(?<![.\w$])(?:return|typeof|case|in|of|void|throw|await|yield))\s*$/;

/**
 * The code of a text: no comments, each string `"n"` for its index in `strings`, each regular
 * expression `/./`. What `${}` holds in a template stays, for it is code.
 */
export function blank(text: string): { code: string; strings: string[] } {
  const strings: string[] = [];
  let code = "";
  let at = 0;
  /**
   * Takes what matches here, which cannot fail where this is called, but for a file that does not
   * parse.
   */
  const take = (pattern: RegExp): string => {
    pattern.lastIndex = at;
    const match = pattern.exec(text)?.[0] ?? text[at] ?? "";
    at += match.length;
    return match;
  };
  const keep = (string: string) => code += `"${strings.push(string) - 1}"`;
  /** For each template we are in: how many braces are open in its current `${}`. */
  const templates: number[] = [];
  const template = () => {
    keep(take(/(?:[^`\\$]|\\[^]|\$(?!\{))*/y));
    if (text[at] === "`") return void at++;
    if (at >= text.length) return;
    at += 2;
    code += "+(";
    templates.push(0);
  };
  while (at < text.length) {
    const next = text.slice(at, at + 2);
    const character = text[at] as string;
    const depth = templates.at(-1);
    if (next === "//") take(/\/\/[^\n]*/y);
    else if (next === "/*") take(/\/\*[^]*?\*\//y), code += " ";
    else if (character === '"') keep(take(/"(?:[^"\\\n]|\\[^])*"/y).slice(1, -1));
    else if (character === "'") keep(take(/'(?:[^'\\\n]|\\[^])*'/y).slice(1, -1));
    else if (character === "`") at++, template();
    else if (character === "/" && BEFORE_REGEXP.test(code.slice(-20))) {
      take(/\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y), code += "/./";
    } else if (character === "}" && depth === 0) {
      at++, code += ")+", templates.pop(), template();
    } else {
      if (depth !== undefined && character === "{") templates[templates.length - 1] = depth + 1;
      if (depth !== undefined && character === "}") templates[templates.length - 1] = depth - 1;
      code += character, at++;
    }
  }
  return { code, strings };
}
