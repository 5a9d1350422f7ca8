/**
 * A load that browsers could make, on a web server: lanes side by side, each with one request at a
 * time.
 */
import { HttpConnection } from "../e2e/_http_client.ts";
import type { Task } from "./_fastcgi_load.ts";
import type { Tally } from "./_tally.ts";

/** Requests on one connection to the web server; nginx closes it after 1,000. */
const PER_CONNECTION = 100;

/** What a lane does. */
export interface HttpLaneOptions {
  tally: Tally;
  /** The next request; `undefined`: enough. */
  next(): Task | undefined;
}

/** Makes requests one after the other until there is no next one. */
export async function runHttpLane(port: number, options: HttpLaneOptions): Promise<void> {
  const { tally } = options;
  let task = options.next();
  while (task !== undefined) {
    await using connection = await HttpConnection.open(port);
    for (let count = 0; task !== undefined && count < PER_CONNECTION; count++) {
      const current: Task = task;
      tally.sent++;
      const { method = "GET", uri: target, status: wanted = 200, expected, body } = current;
      const { status, text, isComplete, body: { length } } = await connection.fetch({
        method,
        target,
        body,
      });
      task = options.next();
      const isRight = typeof expected === "number" ? length === expected : text === expected;
      if (status === 0) tally.addLost("unanswered on a kept connection");
      else if (status !== wanted) tally.addWrong(`${method} ${status} instead of ${wanted}`);
      else if (!isComplete) tally.addLost("cut in the answer");
      else if (expected !== undefined && !isRight) tally.addWrong(`another body of ${target}`);
      else {
        tally.right++;
        continue;
      }
      if (!isComplete) break;
    }
  }
}
