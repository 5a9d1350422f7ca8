/**
 * The application under load: one route for each kind of request. `load.ts path=fcgi.sock`,
 * `load.ts port=9000`, or with nothing for an inherited socket; `maxConnections=20000` beside them.
 *
 * It says on standard output which process it is, and when it ends what it has done.
 */
import process from "node:process";
import { serve, type ServeHandlerInfo } from "../../../mod.ts";
import { Hash, part, PART_BYTES } from "../../e2e/_content.ts";

const NUMBERS = ["port", "maxConnections"];
const options = Object.fromEntries(
  process.argv.slice(2).map((arg) => {
    const [name, value] = arg.split("=", 2) as [string, string];
    return [name, NUMBERS.includes(name) ? Number(value) : value];
  }),
);
const delay = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

const counts = { requests: 0, later: 0, laterDone: 0, errors: 0 };

type Route = (
  request: Request,
  argument: number,
  info: ServeHandlerInfo,
) => Response | Promise<Response>;

const routes: Record<string, Route> = {
  small: () => new Response("small\n"),

  async count(request) {
    const hash = new Hash();
    for await (const chunk of request.body ?? []) hash.add(chunk);
    return new Response(`${hash}\n`);
  },

  large(_request, parts) {
    let index = 0;
    return new Response(
      new ReadableStream({
        pull(controller) {
          if (index === parts) controller.close();
          else controller.enqueue(part(index++));
        },
      }, { highWaterMark: 0 }),
      { headers: { "content-length": String(parts * PART_BYTES) } },
    );
  },

  async slow(_request, ms) {
    await delay(ms);
    return new Response("slow\n");
  },

  /** Answers, and works on. */
  later(_request, ms, info) {
    counts.later++;
    info.waitUntil(delay(ms).then(() => void counts.laterDone++));
    return new Response("later\n");
  },

  error() {
    throw new Error("Wanted by the load");
  },

  /**
   * Breaks off in the middle of the body, when some of it is out: or else there would be a proper
   * 500.
   */
  broken() {
    let index = 0;
    return new Response(
      new ReadableStream({
        pull(controller) {
          if (index < 4) controller.enqueue(part(index++));
          else controller.error(new Error("Wanted by the load"));
        },
      }, { highWaterMark: 0 }),
    );
  },

  /** Memory in bytes when all garbage is collected: what is still held. */
  memory() {
    const { gc, Bun } = globalThis as { gc?: () => void; Bun?: { gc(force: boolean): void } };
    for (let round = 0; round < 3; round++) Bun === undefined ? gc?.() : Bun.gc(true);
    const { heapUsed, external } = process.memoryUsage();
    return Response.json({ heap: heapUsed + external });
  },
};

const server = serve({
  ...options,
  onError(error) {
    counts.errors++;
    const { code, message } = error as { code?: string; message?: string };
    if (message !== "Wanted by the load") console.error(`onError ${code ?? ""} ${message}`);
  },
}, (request, info) => {
  counts.requests++;
  const [, name, argument] = new URL(request.url).pathname.split("/");
  const route = routes[name!];
  return route?.(request, Number(argument), info) ?? new Response(null, { status: 404 });
});

process.on("exit", () => console.log(`counts ${JSON.stringify(counts)}`));
await server.ready;
console.log(`pid ${process.pid}`);
