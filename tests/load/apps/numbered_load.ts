/**
 * A load on a web server, on 127.0.0.1 of the machine that runs this:
 * `numbered_load.ts PORT LANES NAME`. Each lane has one request at a time, on a kept connection;
 * every request has a number, and every second one is a POST. It says on standard output what
 * became of each, a line of JSON, until it is told to end (SIGTERM); its last line is `"end"`.
 */
import process from "node:process";
import { HttpConnection } from "../../e2e/_http_client.ts";
import type { Outcome } from "../_numbered_load.ts";

/** nginx closes a connection after 1,000 requests, without a word. */
const PER_CONNECTION = 100;
/** Every sixteenth answer is one that takes a slow link its time. */
const LARGE = 30_000;

const [port, lanes] = process.argv.slice(2, 4).map(Number) as [number, number];
const name = process.argv[4];
let next = 0;
let isOver = false;
process.on("SIGTERM", () => isOver = true);

/** @returns Whether the connection can have another request. */
async function request(connection: HttpConnection, id: number, isFirst: boolean): Promise<boolean> {
  const isPost = id % 2 === 1;
  const method = isPost ? "POST" : "GET";
  const size = id % 16 === 0 ? LARGE : 0;
  const from = performance.now();
  const { status, text, isComplete } = await connection.fetch({
    method,
    target: `/?id=${id}&size=${size}&by=${name}`,
    ...isPost && { body: new TextEncoder().encode(`body ${id}`) },
  });
  // The web server has closed a kept connection while the request was on its way. Browsers send
  // it again then, a POST, too.
  const ms = Math.round(performance.now() - from);
  if (status === 0 && !isFirst) {
    say({ id, method, status: "again", ms });
    await using another = await HttpConnection.open(port);
    return await request(another, id, true) && false;
  }
  const [said, host, release] = text.split(" ", 3);
  const isRight = said === (isPost ? `body${id}` : `${id}`) && text.length >= size;
  if (status !== 200) say({ id, method, status, ms });
  else if (!isComplete) say({ id, method, status: "cut", ms });
  else if (!isRight) say({ id, method, status: "wrong", ms });
  else say({ id, method, status, host: host!, release: release!.trim(), ms });
  return status !== 0 && isComplete;
}

function say(outcome: Outcome): void {
  process.stdout.write(`${JSON.stringify(outcome)}\n`);
}

async function lane(): Promise<void> {
  while (!isOver) {
    await using connection = await HttpConnection.open(port);
    let count = 0;
    while (!isOver && count < PER_CONNECTION) {
      if (!await request(connection, next++, count++ === 0)) break;
    }
  }
}

await Promise.all(Array.from({ length: lanes }, lane));
process.stdout.write(`"end"\n`);
process.exit();
