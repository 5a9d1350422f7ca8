// As loaded: applications replace the global.
const { Map } = globalThis;

/**
 * The parameters of one request, as the web server sent them (FastCGI 1.0, section 6.2; RFC 3875,
 * section 4.1).
 *
 * The plan: a request has some 26 parameters, of which ten are ever read. So they stay one text
 * with the offsets of the pairs in it; a name is compared in place, with those of its own length,
 * and only a value that is read becomes a string of its own. Hashing fresh strings into a `Map`
 * costs more than building the whole header block of the response, so only long lists and iteration
 * do that.
 */

/** Read access to the FastCGI parameters. Text is Latin-1: code unit n is byte n. */
export interface ParamsView extends Iterable<[string, string]> {
  /**
   * The value of a parameter; names are case-sensitive. An `HTTP_*` parameter that was sent several
   * times is joined; of any other, and of `HTTP_HOST`, the last value counts.
   */
  get(name: string): string | undefined;
  /** Whether the web server sent this parameter, even an empty one. */
  has(name: string): boolean;
  /** The number of distinct parameters. */
  readonly size: number;
}

/** The longest names that are told apart by their length; web servers' have at most 36. */
const MAX_LENGTH = 40;
/** Room for 32 pairs: an array that grows costs half as much again. */
const ROOM: readonly number[] = Array.from({ length: 4 * 32 }, () => 0);
const NONE: readonly number[] = Array.from({ length: MAX_LENGTH + 1 }, () => -1);

/** Up to this many pairs, linear search is faster than hashing: web servers send 20 to 40. */
const MAX_SEARCHED_PAIRS = 64;

/**
 * The parameters of a request.
 *
 * @example
 * ```ts ignore
 * const params = new CgiParams();
 * params.append("HTTP_COOKIE", "a=1");
 * params.append("HTTP_COOKIE", "b=2");
 * params.get("HTTP_COOKIE"); // "a=1; b=2"
 * ```
 */
export class CgiParams implements ParamsView {
  #text: string;
  /**
   * Four numbers per pair, in wire order: start of the name, start of the value, end of the value,
   * and where the pair before it is that has a name of the same length.
   */
  readonly #borders: number[] = ROOM.slice();
  /** How many of those numbers there are. */
  #end = 0;
  /** Where the last pair is with a name of each length; longer names are in the first place. */
  readonly #last: number[] = NONE.slice();
  #index: Map<string, string> | null = null;

  /** Takes a text with pairs in it, whose offsets {@link addSlice} adds. */
  constructor(text = "") {
    this.#text = text;
  }

  /** Adds a pair, in wire order. Both are Latin-1: code unit n is byte n. */
  append(name: string, value: string): void {
    const start = this.#text.length;
    this.#text += name + value;
    this.addSlice(start, start + name.length, this.#text.length);
  }

  /**
   * Adds a pair that is in the text already: the name from `start` to `valueStart`, the value from
   * there to `end`.
   */
  addSlice(start: number, valueStart: number, end: number): void {
    const place = placeOf(valueStart - start);
    const last = this.#last;
    const borders = this.#borders;
    const at = this.#end;
    borders[at] = start;
    borders[at + 1] = valueStart;
    borders[at + 2] = end;
    borders[at + 3] = last[place]!;
    last[place] = at;
    this.#end = at + 4;
    this.#index = null;
  }

  get(name: string): string | undefined {
    const borders = this.#borders;
    if (this.#index !== null || this.#end > 4 * MAX_SEARCHED_PAIRS) {
      return this.#indexed().get(name);
    }
    const text = this.#text;
    let joined: string | undefined;
    for (let i = this.#last[placeOf(name.length)]!; i >= 0; i = borders[i + 3]!) {
      const start = borders[i]!;
      const valueStart = borders[i + 1]!;
      if (valueStart - start !== name.length || !text.startsWith(name, start)) continue;
      const value = text.slice(valueStart, borders[i + 2]);
      if (!isHeader(name)) return value;
      joined = join(name, value, joined);
    }
    return joined;
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  get size(): number {
    return this.#indexed().size;
  }

  [Symbol.iterator](): IterableIterator<[string, string]> {
    return this.#indexed().entries();
  }

  /**
   * Visits every `HTTP_*` pair as received, repeated ones too, in wire order, with its offsets in
   * `text`: start of the name, start of the value, end of the value.
   */
  forEachHeader(
    visit: (text: string, start: number, valueStart: number, end: number) => void,
  ): void {
    const text = this.#text;
    const borders = this.#borders;
    for (let i = 0; i < this.#end; i += 4) {
      const start = borders[i]!;
      const valueStart = borders[i + 1]!;
      if (valueStart - start < HEADER_PREFIX.length) continue;
      if (!text.startsWith(HEADER_PREFIX, start)) continue;
      visit(text, start, valueStart, borders[i + 2]!);
    }
  }

  #indexed(): Map<string, string> {
    if (this.#index === null) {
      this.#index = new Map();
      for (let i = 0; i < this.#end; i += 4) {
        const [start, valueStart, end] = this.#borders.slice(i, i + 3);
        const name = this.#text.slice(start, valueStart);
        const value = this.#text.slice(valueStart, end);
        this.#index.set(name, isHeader(name) ? join(name, this.#index.get(name), value) : value);
      }
    }
    return this.#index;
  }
}

/** The place of names of this length. */
function placeOf(length: number): number {
  return length > MAX_LENGTH ? 0 : length;
}

const HEADER_PREFIX = "HTTP_";

function isHeader(name: string): boolean {
  return name.startsWith(HEADER_PREFIX);
}

/**
 * Joins repeated header fields to one list (RFC 9110, section 5.3); cookies have a separator of
 * their own (RFC 9113, section 8.2.3). nginx up to 1.22, HAProxy and h2o send one parameter per
 * field line. Two Hosts are not a list: no server lets a client send them, but nginx does send two
 * for a `fastcgi_param HTTP_HOST` after Debian's `include fastcgi_params`, and means the later one.
 */
function join(name: string, before: string | undefined, after: string | undefined): string {
  if (before === undefined || after === undefined) return before ?? after ?? "";
  if (name === "HTTP_HOST") return after;
  return before + (name === "HTTP_COOKIE" ? "; " : ", ") + after;
}
