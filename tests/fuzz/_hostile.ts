/**
 * What a hostile peer can make one connection hold. A program of its own, so that the garbage can
 * be collected and what is left be measured: it prints a line of JSON for each attack.
 *
 * @module
 */
import process from "node:process";
import { pathToFileURL } from "node:url";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { ConnectionOptions } from "../../src/server/application/connection_options.ts";
import { Service } from "../../src/server/service.ts";
import type { Transport } from "../../src/server/connection/transport.ts";
import { bytes, concat } from "../_bytes.ts";
import { rawPairs } from "../_records.ts";
import {
  FCGI_ABORT_REQUEST,
  FCGI_BEGIN_REQUEST,
  FCGI_DATA,
  FCGI_END_REQUEST,
  FCGI_GET_VALUES,
  FCGI_PARAMS,
  FCGI_STDERR,
  FCGI_STDIN,
  FCGI_STDOUT,
} from "./_specification.ts";
import { rawBytes } from "./_streams.ts";
import { turn } from "./_watch.ts";

/** What came of an attack. */
export interface Damage {
  name: string;
  /** Bytes that the connection took before it stopped reading, or the attacker gave up. */
  taken: number;
  /** Bytes held after that, by the heap and outside it. */
  held: number;
  /** Bytes written. */
  written: number;
  /** How many handlers were called. */
  calls: number;
  state: "reads" | "does not read" | "ended";
}

/** What is sent: once, then over and over. */
interface Attack {
  first?: () => Uint8Array[];
  again?: () => Uint8Array[];
  /** Bytes after which an attacker that nobody stops gives up. @default {FLOOD} */
  patience?: number;
  /** Bytes that may be held in the end. @default {SMALL} */
  most?: number;
  /**
   * Bytes that are held in the end, or the attack has missed what it aims at. @default {-Infinity}
   */
  least?: number;
  /** Whether the peer reads the answers. @default {true} */
  reads?: boolean;
  isByteByByte?: boolean;
  /** Handlers never answer, and never read; the others answer at once. */
  isSlow?: boolean;
  options?: ConnectionOptions;
  /** How it ends. @default {"reads"} */
  state?: Damage["state"];
}

const KIB = 1024;
const MIB = 1024 * KIB;
/** As much as a socket gives at once. */
const CHUNK = 64 * KIB;
/** Enough to show what grows: most records are 8 to 24 bytes long. */
const FLOOD = 2 * MIB;
/** For one that goes on until it is stopped. */
const STUBBORN = 256 * MIB;

/**
 * What a connection may hold that has nothing to remember but where it stands: a chunk and what
 * surrounds it.
 */
const SMALL = MIB;
/**
 * What it may hold of answers that are not read: 1 MiB, which is one of 65,536 answers of 16 bytes,
 * each of them an array. Then it is not read.
 */
const UNREAD = 24 * MIB;
/**
 * What it may hold for each request, with the default options: its parameters in a buffer that
 * doubles, the first 64 KiB of its body that come before the handler is called, and of its body as
 * much as may wait, with what its records cost.
 */
const REQUEST = 2 * 256 * KIB + 64 * KIB + 1.25 * MIB;

/**
 * The bound of one connection's memory, in bytes, with so many requests and otherwise the default
 * options.
 */
function bound(requests: number): number {
  return requests * REQUEST + 2 * MIB;
}

const BEGIN = bytes([0, 1, 1, 0, 0, 0, 0, 0]);
const PAIRS = [["REQUEST_METHOD", "POST"], ["REQUEST_URI", "/"], ["HTTP_HOST", "h"]] as const;
const PARAMS = rawPairs(PAIRS);
const LARGEST = new Uint8Array(65_535);
/** Every type of a record that belongs to a request but the one that begins it. */
const REQUEST_TYPES = [
  FCGI_STDIN,
  FCGI_PARAMS,
  FCGI_ABORT_REQUEST,
  FCGI_DATA,
  FCGI_END_REQUEST,
  FCGI_STDOUT,
  FCGI_STDERR,
];
const begin = (id: number): Uint8Array => rawBytes(FCGI_BEGIN_REQUEST, id, BEGIN);
const end = (type: number, id: number): Uint8Array => rawBytes(type, id, bytes());
const open = (id: number, params = PARAMS): Uint8Array =>
  concat([
    begin(id),
    ...split(params).map((part) => rawBytes(FCGI_PARAMS, id, part)),
    end(FCGI_PARAMS, id),
  ]);
/** More than may be, so that it is the connection that stops it. */
const IDS = Array.from({ length: 110 }, (_, i) => i + 1);
const FEW_IDS = IDS.slice(0, 20);
const FEW = { maxRequestsPerConnection: 10 };

function split(content: Uint8Array, length = 65_535): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < content.length; at += length) parts.push(content.slice(at, at + length));
  return parts;
}

/** A chunk full of the same. */
function again(record: Uint8Array, bytes = CHUNK): Uint8Array {
  return concat(Array.from({ length: Math.floor(bytes / record.length) }, () => record));
}

/** Almost as long as parameters may be, and each a request that is one. */
function longParams(): Uint8Array<ArrayBuffer> {
  return rawPairs([...PAIRS, ["HTTP_X", "x".repeat(262_000)]]);
}

const FLOODS: Record<string, Attack> = {
  "GET_VALUES": {
    again: () => [again(rawBytes(FCGI_GET_VALUES, 0, rawPairs([["FCGI_MAX_REQS", ""]])))],
  },
  "types that nobody knows": { again: () => [again(rawBytes(99, 0, bytes()))] },
  "roles that nobody knows": {
    again: () => [again(rawBytes(FCGI_BEGIN_REQUEST, 1, bytes([0, 9, 1, 0, 0, 0, 0, 0])))],
  },
  "BEGIN_REQUEST with every id": {
    first: () => [concat(IDS.map(begin))],
    again: () => [concat(Array.from({ length: 4096 }, (_, i) => begin(i + 300)))],
    patience: MIB / 2,
  },
  "BEGIN_REQUEST and ABORT_REQUEST": {
    again: () => [again(concat([begin(1), end(FCGI_ABORT_REQUEST, 1)]))],
  },
  "requests that are answered": {
    again: () => [concat(IDS.slice(0, 100).map((id) => concat([open(id), end(FCGI_STDIN, id)])))],
  },
};

const ATTACKS: Record<string, Attack> = {
  ...FLOODS,
  "BEGIN_REQUEST with one id": { again: () => [again(begin(1))] },
  "GET_VALUES with one name repeated": {
    again: () => [rawBytes(FCGI_GET_VALUES, 0, rawPairs(Array(4000).fill(["FCGI_MAX_REQS", ""])))],
  },
  "GET_VALUES with a name of 2 GiB": {
    again: () => [rawBytes(FCGI_GET_VALUES, 0, bytes([255, 255, 255, 255, 255, 255, 255, 255, 1]))],
    state: "ended",
  },
  "a parameter of 2 GiB": {
    again: () => [
      concat([
        begin(1),
        rawBytes(FCGI_PARAMS, 1, bytes([255, 255, 255, 255, 0, 1])),
        end(FCGI_PARAMS, 1),
      ]),
    ],
    patience: 256 * KIB,
  },
  "a version that is none": {
    again: () => [rawBytes(FCGI_STDIN, 1, bytes(), 0, 2)],
    state: "ended",
  },
  "a request with the id 0": { again: () => [begin(0)], state: "ended" },
  "an empty BEGIN_REQUEST": { again: () => [end(FCGI_BEGIN_REQUEST, 1)], state: "ended" },
  // Each request comes when the one before has been answered.
  "one id, again and again": {
    again: () => [concat([open(1), end(FCGI_STDIN, 1)])],
    patience: 100 * KIB,
  },
  "records behind the end of their request": {
    first: () => [concat([open(1), end(FCGI_STDIN, 1)])],
    again: () => REQUEST_TYPES.map((type) => again(rawBytes(type, 1, bytes([1, 2, 3])))),
  },
  "records of no request": {
    again: () => REQUEST_TYPES.map((type) => again(rawBytes(type, 77, bytes([1, 2, 3])))),
  },
  "empty records": {
    first: () => [open(1)],
    again: () => [4, 8, 6, 7, 3].map((type) => again(end(type, 1))),
    isSlow: true,
  },
  "padding": { again: () => [again(rawBytes(FCGI_STDIN, 77, bytes(), 255))] },
  "one byte at a time": {
    first: () => [concat([open(1), again(rawBytes(FCGI_STDIN, 1, bytes([1])), 900)])],
    isByteByByte: true,
    isSlow: true,
  },
  // Nothing of a request can be answered before its parameters have ended.
  "parameters without end": {
    first: () => IDS.map(begin),
    again: () => IDS.map((id) => rawBytes(FCGI_PARAMS, id, LARGEST)),
    patience: 64 * MIB,
  },
  "parameters as long as they may be": {
    // The last byte doubles the buffer.
    first: () =>
      FEW_IDS.map((id) =>
        concat([
          begin(id),
          ...split(new Uint8Array(262_141)).map((part) => rawBytes(FCGI_PARAMS, id, part)),
        ])
      ),
    patience: STUBBORN,
    least: 3 * MIB,
    most: bound(10),
    options: FEW,
  },
  "one byte of parameters in each chunk": {
    // A first record is kept as the view of its chunk that it is.
    first: () =>
      FEW_IDS.map((id) =>
        concat([begin(id), rawBytes(FCGI_PARAMS, id, bytes([1])), again(end(FCGI_STDIN, 9999))])
      ),
    patience: STUBBORN,
    most: bound(10),
    options: FEW,
  },
  "bodies before their parameters": {
    first: () => FEW_IDS.map(begin),
    again: () => FEW_IDS.map((id) => rawBytes(FCGI_STDIN, id, LARGEST)),
    patience: 64 * MIB,
  },
  "bodies that nobody reads": {
    first: () => FEW_IDS.map((id) => open(id, longParams())),
    again: () => FEW_IDS.map((id) => rawBytes(FCGI_STDIN, id, LARGEST.subarray(0, 60_000))),
    patience: STUBBORN,
    least: 10 * MIB,
    most: bound(10),
    isSlow: true,
    options: FEW,
    state: "does not read",
  },
  "bodies that nobody reads, of as many requests as there may be": {
    first: () => IDS.map((id) => open(id, longParams())),
    again: () => IDS.map((id) => rawBytes(FCGI_STDIN, id, LARGEST.subarray(0, 60_000))),
    patience: STUBBORN,
    least: 100 * MIB,
    most: bound(100),
    isSlow: true,
    state: "does not read",
  },
  "bodies in records of one byte": {
    first: () => FEW_IDS.map((id) => open(id, longParams())),
    again: () => FEW_IDS.map((id) => again(rawBytes(FCGI_STDIN, id, bytes([1])), 8 * KIB)),
    patience: STUBBORN,
    least: 4 * MIB,
    most: bound(10),
    isSlow: true,
    options: FEW,
    state: "does not read",
  },
  "one byte of a body in each chunk": {
    first: () => [open(1)],
    again:
      () => [concat([rawBytes(FCGI_STDIN, 1, bytes([1])), rawBytes(FCGI_STDIN, 9999, LARGEST)])],
    patience: 2 * STUBBORN,
    most: bound(1),
    isSlow: true,
    state: "does not read",
  },
  ...Object.fromEntries(
    Object.entries(FLOODS).map(([name, attack]) => [`${name}, and reads no answer`, {
      ...attack,
      patience: 32 * MIB,
      most: UNREAD,
      reads: false,
      state: "does not read",
    }]),
  ),
};

/** All attacks: what each may come to. */
export const attacks:
  readonly (Required<Pick<Attack, "most" | "least" | "state">> & { name: string })[] = Object
    .entries(ATTACKS).map(([name, { most = SMALL, least = -Infinity, state = "reads" }]) => ({
      name,
      most,
      least,
      state,
    }));

class Victim implements Transport {
  readonly ownsChunks = true;
  isPaused = false;
  isEnded = false;
  written = 0;
  /** What a peer that does not read leaves in our hands. */
  readonly unread: Uint8Array[] = [];
  readonly #reads: boolean;

  constructor(reads: boolean) {
    this.#reads = reads;
  }

  get backlog(): number {
    return this.#reads ? 0 : this.written;
  }

  write(bytes: Uint8Array): boolean {
    this.written += bytes.length;
    if (this.#reads) return true;
    this.unread.push(bytes);
    return this.written < CHUNK;
  }
  pause(): void {
    this.isPaused = true;
  }
  resume(): void {
    this.isPaused = false;
  }
  end(): void {
    this.isEnded = true;
  }
  destroy(): void {
    this.isEnded = true;
  }
}

async function run(name: string, isRehearsal: boolean): Promise<Damage> {
  const { first, again, patience = FLOOD, reads = true, isByteByByte, isSlow, options } =
    ATTACKS[name];
  let calls = 0;
  const service = new Service(() => {
    calls++;
    return isSlow ? new Promise<Response>(() => {}) : new Response("Hello\n");
  }, { onError: () => {}, ...options });
  const [before, repeated] = [first?.() ?? [], again?.() ?? []];
  const atFirst = isRehearsal ? 0 : await used();
  const victim = new Victim(reads);
  const connection = service.accept(victim);
  let taken = 0;
  /** `false` if nobody takes any more. */
  const give = async (chunk: Uint8Array): Promise<boolean> => {
    if (victim.isPaused || victim.isEnded || taken >= (isRehearsal ? 2 * CHUNK : patience)) {
      return false;
    }
    taken += chunk.length;
    connection.receive(chunk.slice());
    await turn();
    return true;
  };
  const send = async (records: Uint8Array): Promise<boolean> => {
    for (const chunk of split(records, isByteByByte ? 1 : CHUNK)) {
      if (!await give(chunk)) return false;
    }
    return true;
  };
  let goesOn = true;
  for (const records of before) goesOn &&= await send(records);
  while (goesOn && repeated.length > 0) {
    for (const records of repeated) goesOn &&= await send(records);
  }
  const held = isRehearsal ? 0 : await used() - atFirst;
  const state = victim.isEnded ? "ended" : victim.isPaused ? "does not read" : "reads";
  const damage: Damage = { name, taken, held, written: victim.written, calls, state };
  // Whatever is measured must still be held when it is; and what was sent is counted before and
  // after.
  connection.closed();
  victim.unread.length = before.length = repeated.length = 0;
  return damage;
}

/** Bytes in use once the garbage has gone. */
async function used(): Promise<number> {
  for (let n = 0; n < 2; n++) {
    collect();
    await turn();
  }
  const { heapUsed, external } = process.memoryUsage();
  // Bun counts what is outside the heap as a part of it.
  return "Bun" in globalThis ? heapUsed : heapUsed + external;
}

function collect(): void {
  const { Bun, gc } = globalThis as { Bun?: { gc(force: boolean): void }; gc?: () => void };
  if (Bun !== undefined) return Bun.gc(true);
  if (gc !== undefined) return gc();
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  for (const { name } of attacks) {
    // The first time things are made that stay.
    await run(name, true);
    console.log(JSON.stringify(await run(name, false)));
  }
}
