// Deno.serve, HTTP: deno run deno_serve.ts <socket>
import { handler } from "./handler.ts";

Deno.serve({ path: Deno.args[0] }, handler);
