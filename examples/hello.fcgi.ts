#!/usr/bin/env -S deno run --allow-net
// In your own file: import { serve } from "jsr:@fastcgi/serve";
// On Bun and Node: bun hello.fcgi.ts, node hello.fcgi.ts
import { serve } from "../mod.ts";

serve((request) => new Response(`Hello from ${new URL(request.url).pathname}\n`));
