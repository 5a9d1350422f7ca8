/** Where a path may be split into a script and the path behind it. */

/** The two parts of a path, decoded, one code unit per byte. */
export interface Split {
  /** The script's path, such as `/x.php`. */
  readonly script: string;
  /** The rest (RFC 3875, section 4.1.5): `""` or `/y`. */
  readonly pathInfo: string;
}

/**
 * Every way to split a path behind a segment with one of the endings, the shortest script first:
 * `/x.php/y.php` is `/x.php` and `/y.php`, or all of it. Which of them is a script, the files tell:
 * to take the last one for it on trust is what makes PHP run `/upload/evil.jpg` for
 * `/upload/evil.jpg/x.php`. Endings are compared as they are written: `.PHP` is not `.php`.
 */
export function* splitsOf(path: string, endings: readonly string[]): Generator<Split> {
  for (let end = path.indexOf("/", 1); path.length > 1; end = path.indexOf("/", end + 1)) {
    const script = end < 0 ? path : path.slice(0, end);
    if (endings.some((ending) => script.endsWith(ending))) {
      yield { script, pathInfo: path.slice(script.length) };
    }
    if (end < 0) return;
  }
}
