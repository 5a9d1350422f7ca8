/**
 * Validates the names of options: a misspelt one would be a limit, or an address, that is not set.
 */

/**
 * Validates the names in an options argument.
 *
 * @param known All valid names, as the keys of an object.
 * @param action The action that fails, for the message.
 * @param place The position of the argument, for the message.
 * @throws {TypeError} If `options` is not a plain object, or has an unknown name.
 */
export function checkNames(options: unknown, known: object, action: string, place: string): void {
  if (!isPlain(options)) {
    throw new TypeError(
      `Cannot ${action}: ${place} is ${kindOf(options)}, not a plain object of options`,
    );
  }
  for (const name of Object.keys(options)) {
    if (Object.hasOwn(known, name)) continue;
    const nearest = nearestOf(name, Object.keys(known));
    const advice = nearest === undefined ? "" : `; ${nearest} is the nearest`;
    throw new TypeError(`Cannot ${action}: there is no option ${JSON.stringify(name)}${advice}`);
  }
}

/**
 * Whether `value` is an object literal, of any realm, or a module namespace: an object with all of
 * its properties written down on purpose, unlike the methods of a class.
 */
export function isPlain(value: unknown): value is object {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  // A module namespace has a prototype of its own on Bun.
  if (Object.prototype.toString.call(value) === "[object Module]") return true;
  const prototype = Object.getPrototypeOf(value);
  if (prototype === null || prototype === Object.prototype) return true;
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, "isPrototypeOf");
}

/** The kind of an argument, for the message. */
function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value !== "object") return `a ${typeof value}`;
  return Array.isArray(value) ? "an array" : "an instance of a class";
}

/**
 * The valid name with the smallest edit distance to `name` (0 for one that begins with `name`), if
 * that is at most half the length of `name`.
 */
function nearestOf(name: string, known: readonly string[]): string | undefined {
  let nearest: string | undefined;
  let fewest = Math.floor(name.length / 2);
  for (const candidate of known) {
    const edits = candidate.startsWith(name)
      ? 0
      : editsBetween(name.toLowerCase(), candidate.toLowerCase());
    if (edits > fewest || (nearest !== undefined && edits === fewest)) continue;
    nearest = candidate;
    fewest = edits;
  }
  return nearest;
}

/** Levenshtein distance: the number of characters to insert, delete or replace. */
function editsBetween(from: string, to: string): number {
  let above = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [row, character] of [...from].entries()) {
    const edits = [row + 1];
    for (let column = 0; column < to.length; column++) {
      const replaced = (above[column] ?? 0) + (to[column] === character ? 0 : 1);
      edits.push(Math.min(replaced, (above[column + 1] ?? 0) + 1, (edits[column] ?? 0) + 1));
    }
    above = edits;
  }
  return above.at(-1) ?? 0;
}
