/** Which names below a document root the web must not see, or must not read. */

/** The one dot directory that is meant for the web (RFC 8615). */
const WELL_KNOWN = ".well-known";

/**
 * Names of PHP sources, and of what editors and people leave beside them: `x.php`, `X.PHP`,
 * `x.php7`, `x.phtml`, `x.phps`, `x.phar`, `x.inc`, `x.php.bak`, `x.php~`, `#x.php#`, `x.php_old`.
 */
const PHP_SOURCE = /\.(?:php\d*|phtml|phps|pht|phar|inc)(?![a-z0-9])/i;

/**
 * Whether a decoded path leads through a name that begins with a dot (`.git`, `.env`, `.htaccess`),
 * but for `/.well-known/`, or has a backslash, which separates directories on Windows.
 */
export function isHidden(path: string): boolean {
  if (path.includes("\\")) return true;
  if (!path.includes("/.")) return false;
  return path.split("/").some((name, i) =>
    name.startsWith(".") && !(i === 1 && name === WELL_KNOWN)
  );
}

/**
 * Whether a file is the source of a program, or a copy of one, so that its text must not be given
 * out.
 *
 * @param endings What the names of scripts end in, such as `.php`.
 */
export function isSource(name: string, endings: readonly string[]): boolean {
  if (PHP_SOURCE.test(name)) return true;
  const lower = name.toLowerCase();
  return endings.some((ending) => {
    const at = lower.lastIndexOf(ending.toLowerCase());
    return at >= 0 && !/[a-z0-9]/.test(lower.charAt(at + ending.length));
  });
}
