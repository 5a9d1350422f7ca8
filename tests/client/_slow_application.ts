/** An application whose answers do not end, but for `?short`. */
import process from "node:process";
import { serve } from "../../mod.ts";

serve({ path: process.argv[2]! }, (request) => {
  if (request.url.endsWith("?short")) return new Response("short");
  return new Response(
    new ReadableStream({
      start: (controller) => controller.enqueue(new TextEncoder().encode("part")),
    }),
  );
});
