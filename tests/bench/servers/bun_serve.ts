// Bun.serve, HTTP: bun bun_serve.ts <socket>
import process from "node:process";

interface BunGlobal {
  serve(options: { unix: string; fetch(request: Request): Response }): unknown;
}

const { Bun } = globalThis as unknown as { Bun: BunGlobal };
Bun.serve({
  unix: process.argv[2],
  fetch: () => new Response("Hello, world!\n", { headers: { "content-type": "text/plain" } }),
});
