/**
 * The life of one request, from its BEGIN_REQUEST to its END_REQUEST, as the judge remembers it.
 *
 * @module
 */
import type { ServeRole } from "../../mod.ts";
import { concat, latin1 } from "../_bytes.ts";
import { readPairs } from "./_reference.ts";
import { FCGI_PARAMS, FCGI_STDIN } from "./_specification.ts";

const NOTHING = new Uint8Array(0);

export class Life {
  readonly id: number;
  readonly role: ServeRole;
  /** FCGI_KEEP_CONN. */
  readonly keep: boolean;
  params: Uint8Array = NOTHING;
  paramsEnded = false;
  stdin: Uint8Array[] = [];
  stdinEnded = false;
  dataEnded = false;
  /** Whether STDIN came before PARAMS had ended. */
  bodyFirst = false;
  /** Whether DATA came before STDIN had ended. */
  dataFirst = false;
  stdout: Uint8Array[] = [];
  stdoutEnded = false;
  /** Whether it began in a chunk that was not read to its end, so that it may never have begun. */
  isUncertain = false;

  constructor(id: number, role: ServeRole, keep: boolean) {
    this.id = id;
    this.role = role;
    this.keep = keep;
  }

  receive(type: number, content: Uint8Array): void {
    const isEnd = content.length === 0;
    if (type === FCGI_PARAMS) {
      if (this.paramsEnded) return;
      if (isEnd) this.paramsEnded = true;
      else this.params = concat([this.params, content]);
    } else if (type === FCGI_STDIN) {
      if (this.stdinEnded) return;
      if (!this.paramsEnded) this.bodyFirst = true;
      if (isEnd) this.stdinEnded = true;
      else this.stdin.push(content);
    } else if (isEnd) {
      this.dataEnded = true;
    } else if (!this.stdinEnded) {
      this.dataFirst = true;
    }
  }

  /** Whether everything has come that an answer may need. */
  get isWhole(): boolean {
    const isBodyOver = this.stdinEnded || this.role === "authorizer" || this.saysNoBody;
    return this.paramsEnded && isBodyOver && (this.dataEnded || this.role !== "filter");
  }

  /** Whether the parameters say that there is no body, whatever comes. */
  get saysNoBody(): boolean {
    const pairs = this.paramsEnded ? readPairs(this.params) : undefined;
    const length = pairs?.findLast(([name]) => latin1(name) === "CONTENT_LENGTH")?.[1];
    return length !== undefined && /^0+$/.test(latin1(length));
  }

  /** Whether a handler gets a body with this method. */
  hasBody(method: string): boolean {
    if (method === "GET" || method === "HEAD") return false;
    return this.role !== "authorizer" && !this.saysNoBody;
  }
}
