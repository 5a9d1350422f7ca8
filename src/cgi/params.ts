/**
 * The parameters of one request, as the web server sent them (FastCGI 1.0, section 6.2; RFC 3875,
 * section 4.1).
 *
 * The plan: a request has some 26 parameters of which a handful is ever asked for by name, and
 * hashing 26 fresh strings into a `Map` costs more than building the whole header block of the
 * answer. So pairs are kept in wire order, a short list is searched from its end, and the `Map` is
 * built for long lists and for those who iterate.
 */

/** Read access to the FastCGI parameters. Text is Latin-1: code unit n is byte n. */
export interface ParamsView extends Iterable<[string, string]> {
  /**
   * The value of a parameter; names are case-sensitive. An `HTTP_*` parameter that came several
   * times is joined; of any other, and of `HTTP_HOST`, the last one counts.
   */
  get(name: string): string | undefined;
  /** Whether the web server sent this parameter, be it empty. */
  has(name: string): boolean;
  /** How many different parameters there are. */
  readonly size: number;
}

/** Up to this many pairs, searching beats hashing: web servers send 20 to 40. */
const MAX_SEARCHED_PAIRS = 64;

/**
 * The parameters of a request, appended pair by pair.
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
  /** Name, value, name, value … as they came: in wire order, repeated ones too. */
  readonly pairs: string[] = [];
  #index: Map<string, string> | null = null;

  /** Adds a pair in the order of the wire. Both are Latin-1: code unit n is byte n. */
  append(name: string, value: string): void {
    this.pairs.push(name, value);
    this.#index = null;
  }

  get(name: string): string | undefined {
    const pairs = this.pairs;
    if (this.#index !== null || pairs.length > 2 * MAX_SEARCHED_PAIRS) {
      return this.#indexed().get(name);
    }
    if (isHeader(name)) {
      let joined: string | undefined;
      for (let i = 0; i < pairs.length; i += 2) {
        if (pairs[i] === name) joined = join(name, joined, pairs[i + 1]);
      }
      return joined;
    }
    for (let i = pairs.length - 2; i >= 0; i -= 2) {
      if (pairs[i] === name) return pairs[i + 1];
    }
    return undefined;
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

  #indexed(): Map<string, string> {
    if (this.#index === null) {
      this.#index = new Map();
      for (let i = 0; i < this.pairs.length; i += 2) {
        const name = this.pairs[i];
        const value = this.pairs[i + 1];
        this.#index.set(name, isHeader(name) ? join(name, this.#index.get(name), value) : value);
      }
    }
    return this.#index;
  }
}

function isHeader(name: string): boolean {
  return name.startsWith("HTTP_");
}

/**
 * Header fields that came twice are one list (RFC 9110, section 5.3); cookies have a separator of
 * their own (RFC 9113, section 8.2.3). nginx up to 1.22, HAProxy and h2o send one parameter per
 * field line. Two Hosts are none of that: no server lets a client send them, but nginx does send
 * two for a `fastcgi_param HTTP_HOST` after Debian's `include fastcgi_params`, and means the later
 * one.
 */
function join(name: string, before: string | undefined, value: string): string {
  if (before === undefined || name === "HTTP_HOST") return value;
  return before + (name === "HTTP_COOKIE" ? "; " : ", ") + value;
}
