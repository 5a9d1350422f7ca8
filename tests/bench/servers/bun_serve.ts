// Bun.serve, HTTP: bun bun_serve.ts <socket>
import process from "node:process";
import { handler } from "./handler.ts";

interface BunGlobal {
  serve(options: { unix: string; fetch: typeof handler }): unknown;
}

const { Bun } = globalThis as unknown as { Bun: BunGlobal };
Bun.serve({ unix: process.argv[2], fetch: handler });
