/**
 * What an application may write, and must, given what a peer has sent: the rules of the wire and of
 * this library, with a memory of every request.
 *
 * A *life* is one request from its BEGIN_REQUEST to its END_REQUEST; an id may have many. Where a
 * life ends inside a chunk can be told from the records alone but for requests that are refused
 * while their chunk is read: an id that begins again in such a chunk is not judged any further.
 *
 * @module
 */
import type { ServeRole } from "../../mod.ts";
import { concat, latin1 } from "../_bytes.ts";
import { fail } from "../_assert.ts";
import { checkSame } from "./_decoder.ts";
import { type Call, CALL_HEADER, type Desk } from "./_handlers.ts";
import { Life } from "./_life.ts";
import {
  readBegin,
  readBegun,
  readEnd,
  readPairs,
  readRecords,
  type ReferenceRecord,
} from "./_reference.ts";
import {
  FCGI_ABORT_REQUEST,
  FCGI_AUTHORIZER,
  FCGI_BEGIN_REQUEST,
  FCGI_CANT_MPX_CONN,
  FCGI_DATA,
  FCGI_END_REQUEST,
  FCGI_FILTER,
  FCGI_GET_VALUES,
  FCGI_GET_VALUES_RESULT,
  FCGI_KEEP_CONN,
  FCGI_MAXTYPE,
  FCGI_NULL_REQUEST_ID,
  FCGI_PARAMS,
  FCGI_REQUEST_COMPLETE,
  FCGI_RESPONDER,
  FCGI_STDERR,
  FCGI_STDIN,
  FCGI_STDOUT,
  FCGI_UNKNOWN_ROLE,
  FCGI_UNKNOWN_TYPE,
} from "./_specification.ts";

/** What the judge has to know of the service's options. */
export interface Limits {
  roles: readonly ServeRole[];
  maxRequestsPerConnection: number;
  maxParams: number;
  maxParamsBytes: number;
  maxBufferedBodyBytes: number;
  maxBodyBytes: number;
  paramsTimeout: number;
  handlerTimeout: number;
  writeTimeout: number;
}

const ROLES: ReadonlyMap<number, ServeRole> = new Map([
  [FCGI_RESPONDER, "responder"],
  [FCGI_AUTHORIZER, "authorizer"],
  [FCGI_FILTER, "filter"],
]);
/** `appStatus` of an answer that broke off while others share its connection. */
const BROKEN_OFF = 257;
const NOTHING = new Uint8Array(0);

/** Follows one connection. */
export class Judge {
  readonly #desk: Desk;
  readonly #limits: Limits;
  readonly #lives = new Map<number, Life>();
  /** Ids that are not judged any more. */
  readonly #lost = new Set<number>();
  #input: Uint8Array = NOTHING;
  /** What was written while a chunk is read. */
  #during: Uint8Array[] | undefined;
  #inputEnded = false;
  #ending: "no" | "broken" | "ended" = "no";
  #asked = 0;
  #unknown = 0;
  #failed = 0;
  /** Whether a request without FCGI_KEEP_CONN has ended. */
  #mustClose = false;
  /** Whether timers have elapsed, so that requests may have been given up. */
  timeHasPassed = false;
  /** Whether a shutdown with a deadline is on its way, so that what does not end is broken off. */
  hasDeadline = false;
  /** Requests answered as they should be. */
  answered = 0;

  constructor(desk: Desk, limits: Limits) {
    this.#desk = desk;
    this.#limits = limits;
  }

  /** A chunk comes; `read` gives it to the application. */
  receive(chunk: Uint8Array, read: () => void): void {
    const wasEnding = this.#ending !== "no";
    this.#during = [];
    read();
    const written = readAll(this.#during);
    this.#during = undefined;
    if (!wasEnding && !this.#inputEnded) this.#read(concat([this.#input, chunk]), written);
    for (const record of written) this.#written(record);
    if (this.#inputEnded) this.#forgetBegun();
  }

  /** The peer says no more. What had not been asked to its end is forgotten. */
  inputEnded(): void {
    this.#inputEnded = true;
    this.#forgetBegun();
  }

  /** The application writes. */
  write(bytes: Uint8Array): void {
    if (this.#ending !== "no") fail("Bytes behind the end");
    if (bytes.length === 8 && bytes.every((byte) => byte === 0)) {
      this.#ending = "broken";
      return;
    }
    if (this.#during !== undefined) this.#during.push(bytes);
    else for (const record of readAll([bytes])) this.#written(record);
  }

  /** The application closes its side. */
  end(): void {
    if (this.#ending === "ended") fail("Ended twice");
    const isBroken = this.#ending === "broken";
    this.#ending = "ended";
    // In the middle of a chunk what it will have answered is not known yet.
    if (this.#during !== undefined) return;
    const lives = [...this.#lives.values()].filter(({ isUncertain }) => !isUncertain);
    if (!isBroken && lives.length > 0) fail(`Ended under request ${lives[0].id}`);
    if (!isBroken) return;
    if (this.#isOverdue) return this.#lives.clear();
    if (lives.length > 1) fail("Broke off under other requests");
    for (const life of lives) {
      if (life.stdout.length === 0) fail(`Broke off before the answer of ${life.id}`);
      this.#mayBreak(life);
    }
    this.#lives.clear();
  }

  /** The connection is gone. */
  closed(): void {
    this.#ending = "ended";
    this.#lives.clear();
  }

  /** A request that was sent as a whole and has no answer yet. */
  get unanswered(): number | undefined {
    if (this.#ending !== "no") return undefined;
    for (const life of this.#lives.values()) {
      if (!life.isWhole || life.isUncertain) continue;
      if (life.stdout.length === 0 || !this.#callOf(life.stdout[0])?.isEndless) return life.id;
    }
    return undefined;
  }

  /** Whether the application has to have closed the connection by now. */
  get mustHaveEnded(): boolean {
    return this.#mustClose && this.#lives.size === 0 && this.#lost.size === 0;
  }

  /**
   * Whether data came before the body, against section 6.4. It may fill its queue, and then a
   * handler that reads the body first waits for what is not read.
   */
  get mayStandStill(): boolean {
    return [...this.#lives.values()].some(({ dataFirst }) => dataFirst);
  }

  /** Every management record has been answered. */
  checkManagement(): void {
    if (this.#asked > 0) fail(`${this.#asked} GET_VALUES have no answer`);
    if (this.#unknown > 0) fail(`${this.#unknown} records of unknown type have no answer`);
  }

  #read(input: Uint8Array, written: ReferenceRecord[]): void {
    const { records, badVersionAt, rest } = readRecords(input);
    this.#input = input.subarray(input.length - rest);
    let isBroken = false;
    for (const record of records) {
      isBroken = !this.#readRecord(record, written);
      if (isBroken) break;
    }
    if (isBroken || badVersionAt !== undefined) {
      this.#inputEnded = true;
      return;
    }
    // What it stopped reading in the middle of may not have begun.
    if (this.#ending !== "no") {
      for (const life of this.#lives.values()) life.isUncertain = true;
    }
  }

  #forgetBegun(): void {
    for (const life of [...this.#lives.values()]) {
      if (!life.paramsEnded && life.stdout.length === 0) this.#lives.delete(life.id);
    }
  }

  /** `false` if it breaks the protocol. */
  #readRecord(
    { type, id, content }: ReferenceRecord,
    written: ReferenceRecord[],
  ): boolean {
    if (type === FCGI_GET_VALUES) {
      if (readPairs(content) === undefined) return false;
      this.#asked++;
    } else if (type === 0 || type > FCGI_MAXTYPE) {
      this.#unknown++;
    } else if (type === FCGI_BEGIN_REQUEST) {
      if (content.length !== 8 || id === FCGI_NULL_REQUEST_ID) return false;
      this.#begin(id, content, written);
    } else if (type === FCGI_ABORT_REQUEST) {
      this.#abort(id, written);
    } else if ([FCGI_PARAMS, FCGI_STDIN, FCGI_DATA].includes(type)) {
      this.#lives.get(id)?.receive(type, content);
    }
    return true;
  }

  #begin(id: number, content: Uint8Array, written: ReferenceRecord[]): void {
    if (this.#lost.has(id)) return;
    if (this.#lives.has(id)) {
      if (!written.some((record) => record.id === id && isRefusal(record))) return;
      this.#lost.add(id);
      return void this.#lives.delete(id);
    }
    const { role: roleNumber, flags } = readBegin(content);
    const keep = (flags & FCGI_KEEP_CONN) !== 0;
    const role = ROLES.get(roleNumber);
    if (role === undefined || !this.#limits.roles.includes(role)) {
      const first = written.findIndex((record) => record.id === id);
      // A 500 in three records.
      const refusal = first < 0 ? [] : written.slice(first, first + 3);
      if (!endsWith(refusal, FCGI_UNKNOWN_ROLE)) {
        if (this.#ending === "no") fail(`Role ${roleNumber} of request ${id} was not refused`);
        return;
      }
      if (this.#checkHead(refusal[0].content, role ?? "responder") !== 500) fail("Not a 500");
      written.splice(first, 3);
      this.#mustClose ||= !keep;
    } else {
      this.#lives.set(id, new Life(id, role, keep));
    }
  }

  #abort(id: number, written: ReferenceRecord[]): void {
    const life = this.#lives.get(id);
    if (life === undefined) return;
    const next = written.findIndex((record) => record.id === id);
    const record = written[next];
    if (record === undefined) {
      if (this.#ending === "no") fail(`ABORT_REQUEST of ${id} was not answered`);
      return void (life.isUncertain = true);
    }
    // Refused before it was aborted.
    if (record.type !== FCGI_END_REQUEST) return;
    const { protocolStatus } = readEnd(record.content);
    if (protocolStatus !== FCGI_REQUEST_COMPLETE) fail(`${id} was aborted with ${protocolStatus}`);
    written.splice(next, 1);
    this.#mustClose ||= !life.keep;
    this.#lives.delete(id);
  }

  #written({ type, id, content }: ReferenceRecord): void {
    if (id === FCGI_NULL_REQUEST_ID) return this.#managementWritten(type, content);
    if (this.#lost.has(id)) return;
    const life = this.#lives.get(id);
    if (life === undefined) fail(`Record of type ${type} for ${id}, which is no request`);
    if (type === FCGI_STDOUT) {
      if (life.stdoutEnded) fail(`STDOUT behind its end, for ${id}`);
      if (content.length === 0) return void (life.stdoutEnded = true);
      if (life.stdout.length === 0 && endOfHead(content) < 0) fail("The header block is cut");
      life.stdout.push(content);
    } else if (type === FCGI_STDERR) {
      if (life.stdout.length === 0) fail(`STDERR before STDOUT, for ${id}`);
    } else if (type === FCGI_END_REQUEST) {
      this.#lives.delete(id);
      this.#mustClose ||= !life.keep;
      this.#ended(life, content);
    } else {
      fail(`Record of type ${type} for ${id}`);
    }
  }

  #managementWritten(type: number, content: Uint8Array): void {
    if (type === FCGI_GET_VALUES_RESULT) {
      if (this.#asked-- === 0) fail("GET_VALUES_RESULT, and nobody asked");
      if (readPairs(content) === undefined) fail("GET_VALUES_RESULT is malformed");
    } else if (type === FCGI_UNKNOWN_TYPE) {
      if (this.#unknown-- === 0) fail("UNKNOWN_TYPE, and there was none");
    } else {
      fail(`Record of type ${type} for request 0`);
    }
  }

  #ended(life: Life, content: Uint8Array): void {
    const { id } = life;
    const { appStatus, protocolStatus } = readEnd(content);
    const isExpected = appStatus === (life.stdoutEnded ? 0 : BROKEN_OFF);
    if (content.length !== 8 || !isExpected) fail(`END_REQUEST of ${id}`);
    if (life.stdout.length === 0) fail(`A bare END_REQUEST for ${id}`);
    if (!life.stdoutEnded) return this.#mayBreak(life);
    const [first, ...more] = life.stdout;
    const bodyAt = endOfHead(first);
    const head = latin1(first.subarray(0, bodyAt));
    const body = concat([first.subarray(bodyAt), ...more]);
    const status = this.#checkHead(first, life.role);
    const isRefused = status === 503 && protocolStatus === FCGI_CANT_MPX_CONN;
    if (protocolStatus !== FCGI_REQUEST_COMPLETE && !isRefused) {
      fail(`Request ${id} ended with protocol status ${protocolStatus}`);
    }
    const { method, isProper } = this.#look(life);
    const length = /^Content-Length: (\d+)\r$/m.exec(head)?.[1];
    const isGrant = life.role === "authorizer" && status === 200;
    const isBodyless = method === "HEAD" || status === 204 || status === 304 || isGrant;
    if (isGrant && length !== undefined) fail(`A grant has the Content-Length ${length}`);
    if (isBodyless && body.length > 0) fail(`${status} to ${method} has a body`);
    if (!isBodyless && length !== undefined && Number(length) !== body.length) {
      fail(`Content-Length is ${length}, and there are ${body.length} bytes`);
    }
    const call = this.#callOf(first);
    if (call !== undefined) this.#checkAnswer(life, call, body, isBodyless);
    else this.#checkRefusal(life, status, isProper);
    this.answered++;
  }

  /** The status in a header block: its last line, or in an authorizer's refusal its first. */
  #checkHead(content: Uint8Array, role: ServeRole): number {
    const head = latin1(content.subarray(0, endOfHead(content)));
    const [, first] = /^Status: (\d{3}) [ -~\x80-\xff]+\r\n/.exec(head) ?? [];
    const [, last] = /^Status: (\d{3}) [ -~\x80-\xff]+\r\n\r\n$/m.exec(head) ?? [];
    const isRefusal = role === "authorizer" && last !== "200";
    const status = Number(isRefusal ? first : last);
    if (!(status >= 200 && status <= 599)) fail(`Header block without a status: ${head}`);
    if ((head.match(/^Status:/gim) ?? []).length > 1) fail(`Header block with two: ${head}`);
    return status;
  }

  /** The handler's own answer. */
  #checkAnswer(life: Life, call: Call, body: Uint8Array, isBodyless: boolean): void {
    if (call.isAnswered) fail(`Call ${call.index} was answered twice`);
    call.isAnswered = true;
    if (!life.paramsEnded) fail(`Request ${life.id} was answered before its parameters ended`);
    const stdin = concat(life.stdin);
    const sent = life.hasBody(call.request.method) ? stdin : NOTHING;
    if (call.read !== undefined) checkSame(call.read, sent, `Body that call ${call.index} read`);
    if (isBodyless) return;
    const { expected, cutAt } = call;
    if (expected === undefined) fail(`Call ${call.index} has answered nothing`);
    if (expected === "request" && call.request.body !== null && !life.stdinEnded) {
      fail(`Body of ${life.id} was whole before it was`);
    }
    const whole = expected === "request" ? sent : expected;
    checkSame(
      body,
      body.length === cutAt ? whole.subarray(0, cutAt) : whole,
      `Answer of call ${call.index}`,
    );
  }

  /** An answer that is the library's. */
  #checkRefusal(life: Life, status: number, isProper: boolean): void {
    if (status === 500) {
      if (++this.#failed > this.#desk.failures) fail(`500 for ${life.id}, and nothing failed`);
      return;
    }
    const { maxRequestsPerConnection } = this.#limits;
    if (status === 503 && (maxRequestsPerConnection < 10 || this.timeHasPassed)) return;
    if (status === 408 && this.timeHasPassed && !life.paramsEnded) {
      return void (this.#mustClose = true);
    }
    if (status === 504 && this.#mayBeLate) return;
    if (status === 413 && this.#isTooLarge(life)) return;
    if (![400, 431, 501].includes(status)) fail(`Status ${status} for ${life.id}`);
    if (isProper) fail(`Request ${life.id} is proper and was refused: ${status}`);
  }

  /**
   * Whether its body is larger than it may be, or is said to be: with what has come of a record
   * that is not whole yet.
   */
  #isTooLarge({ id, stdin, params }: Life): boolean {
    const { maxBodyBytes } = this.#limits;
    const said = (readPairs(params) ?? [])
      .filter(([name]) => latin1(name) === "CONTENT_LENGTH").map(([, value]) =>
        Number(latin1(value))
      );
    const { type, id: partOf, content } = readBegun(this.#input);
    const part = type === FCGI_STDIN && partOf === id ? content.length : 0;
    return concat(stdin).length + part > maxBodyBytes ||
      said.some((length) => length > maxBodyBytes);
  }

  get #isOverdue(): boolean {
    return this.hasDeadline && this.timeHasPassed;
  }

  /** Whether a handler can have run into its timeout. */
  get #mayBeLate(): boolean {
    return this.timeHasPassed && this.#limits.handlerTimeout > 0;
  }

  #mayBreak({ id, stdout }: Life): void {
    if (this.#isOverdue || this.#mayBeLate) return;
    if (!this.#callOf(stdout[0])?.mayBreak) fail(`The answer of ${id} broke off`);
  }

  /** The call that an answer with this beginning comes from, if it is a handler's. */
  #callOf(content: Uint8Array): Call | undefined {
    const head = latin1(content.subarray(0, endOfHead(content)));
    const index = new RegExp(`^${CALL_HEADER}: (\\d+)\\r$`, "im").exec(head)?.[1];
    return index === undefined ? undefined : this.#desk.calls[Number(index)];
  }

  /** The method, and whether there is no reason to refuse the request. */
  #look(life: Life): { method: string; isProper: boolean } {
    const { maxParams, maxParamsBytes } = this.#limits;
    const pairs = life.paramsEnded ? readPairs(life.params) : undefined;
    const values = (name: string): string[] =>
      (pairs ?? []).filter((pair) => latin1(pair[0]) === name).map((pair) => latin1(pair[1]));
    const [method = "", ...more] = values("REQUEST_METHOD").toReversed();
    const uri = values("REQUEST_URI");
    const isProper = pairs !== undefined && pairs.length <= maxParams && !life.bodyFirst &&
      life.params.length <= maxParamsBytes && more.length === 0 &&
      /^(?:GET|HEAD|POST|PUT|DELETE|OPTIONS)$/.test(method) &&
      values("HTTP_HOST").join() === "h" && uri.length === 1 && /^\/[\w/]+$/.test(uri[0]);
    return { method: pairs === undefined || pairs.length > maxParams ? "" : method, isProper };
  }
}

/** Whether this begins an answer that no handler has made. */
function isRefusal({ type, content }: ReferenceRecord): boolean {
  return type === FCGI_STDOUT && content.length > 0 &&
    !latin1(content).toLowerCase().includes(CALL_HEADER);
}

/** Whether the last of these records is an END_REQUEST with this protocol status. */
function endsWith(records: readonly ReferenceRecord[], protocolStatus: number): boolean {
  const last = records.at(-1);
  return last?.type === FCGI_END_REQUEST && readEnd(last.content).protocolStatus === protocolStatus;
}

/** Records of whole writes. */
function readAll(writes: readonly Uint8Array[]): ReferenceRecord[] {
  return writes.flatMap((write) => {
    const { records, rest } = readRecords(write);
    if (rest > 0) fail(`Wrote ${rest} bytes that are no record`);
    if (write.length % 8 !== 0) fail("A record is not aligned to 8 bytes");
    return records;
  });
}

/** Where the body begins; -1 if the header block does not end here. */
function endOfHead(content: Uint8Array): number {
  for (let at = content.indexOf(13); at >= 0; at = content.indexOf(13, at + 1)) {
    if (content[at + 1] === 10 && content[at + 2] === 13 && content[at + 3] === 10) return at + 4;
  }
  return -1;
}
