/**
 * The application of `troubleshooting_test.ts`: what it serves on is its argument, as JSON, and the
 * last part of the path says what goes wrong.
 */
import process from "node:process";
import { serve } from "../../../mod.ts";

/** Handlers that wait for a request for `/go`. */
const waiting: (() => void)[] = [];
const gone = () => new Promise<void>((resolve) => waiting.push(resolve));

/** Fails after the answer. */
const laterJob = async () => {
  await Promise.resolve();
  throw new Error("The queue is full");
};

serve(JSON.parse(process.argv[2] ?? "{}"), async (request, info) => {
  const { pathname } = new URL(request.url);
  switch (pathname.split("/").at(-1)) {
    case "cookies":
      return new Response("Hello\n", { headers: { "x-cookies": "a".repeat(6000) } });
    case "slow": {
      const going = gone();
      console.error("slow");
      await going;
      return new Response("Hello\n");
    }
    case "nap":
      // Longer than the one second of the test.
      await new Promise((resolve) => setTimeout(resolve, 1_800));
      return new Response("Hello\n");
    case "go":
      for (const go of waiting.splice(0)) go();
      return new Response("Went\n");
    case "exit":
      process.exit(1);
      break;
    case "events": {
      const going = gone();
      const events = async function* () {
        yield new TextEncoder().encode("data: 1\n\n");
        console.error("event");
        await going;
        yield new TextEncoder().encode("data: 2\n\n");
      };
      return new Response(ReadableStream.from(events()), {
        headers: { "content-type": "text/event-stream" },
      });
    }
    case "unawaited":
      laterJob();
      return new Response("Hello\n");
    case "awaited":
      info.waitUntil(laterJob());
      return new Response("Hello\n");
    case "path-info":
      return new Response(info.params.get("PATH_INFO"));
    case "upload":
      return new Response(`${(await request.arrayBuffer()).byteLength}\n`);
  }
  return new Response(`${request.method} ${request.url}\n`);
});
