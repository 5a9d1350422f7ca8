/**
 * The option `try`: what is looked for in the document root, one after the other, as nginx's
 * `try_files` has it. Unlike there, the query of the client stays with an entry that has none.
 */

/** One thing to try. */
export type Attempt =
  /** Ends the search. */
  | { readonly kind: "status"; readonly status: number }
  /** A file, or a directory with an index. */
  | {
    readonly kind: "file" | "directory";
    /** The path, still with its variables. */
    readonly path: string;
    /** The query that replaces the client's, still with its variables. */
    readonly query: string | undefined;
  };

/** The variables that an entry may have. */
export interface TryVariables {
  /** The decoded path. */
  readonly uri: string;
  /** The query of the client, without its question mark. */
  readonly args: string;
}

const VARIABLE = /\$(\w+)/g;
const IN_PATH = ["uri"];
const IN_QUERY = ["uri", "args", "query_string"];

/**
 * Reads an entry: `$uri`, `$uri/`, `$uri.html`, `/index.php`, `/index.php?q=$uri&$args`, `=404`.
 *
 * @throws {TypeError} If it is none.
 */
export function parseAttempt(entry: string): Attempt {
  const status = /^=([45]\d\d)$/.exec(entry)?.[1];
  if (status !== undefined) return { kind: "status", status: Number(status) };
  // nginx writes `/index.php$is_args$args` for the query that there may be: it stays anyway.
  const [, path, query] = /^([^?]*)(?:\?(.*))?$/s.exec(entry.replace("$is_args$args", ""))!;
  if (!/^(?:\/|\$uri(?!\w))/.test(path!)) {
    throw new TypeError(
      `Cannot try ${JSON.stringify(entry)}: it begins neither with $uri nor with a slash`,
    );
  }
  if (/\/\.\.?(?:\/|$)/.test(path!)) {
    throw new TypeError(`Cannot try ${JSON.stringify(entry)}: it has a dot segment`);
  }
  checkVariables(entry, path!, IN_PATH);
  checkVariables(entry, query ?? "", IN_QUERY);
  return { kind: path!.endsWith("/") ? "directory" : "file", path: path!, query };
}

/** The text of an entry with its variables replaced, once. */
export function fillIn(template: string, { uri, args }: TryVariables): string {
  return template.replace(VARIABLE, (_, name) => name === "uri" ? uri : args);
}

function checkVariables(entry: string, template: string, known: readonly string[]): void {
  for (const [variable, name] of template.matchAll(VARIABLE)) {
    if (known.includes(name!)) continue;
    const list = known.map((name) => `$${name}`).join(", ");
    throw new TypeError(
      `Cannot try ${JSON.stringify(entry)}: ${variable} is not known there, but ${list}`,
    );
  }
}
