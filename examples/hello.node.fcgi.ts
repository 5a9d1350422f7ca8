#!/usr/bin/env node
// In your own file: import { serve } from "@fastcgi/serve";
// Node 22.18 or later runs TypeScript as it is.
import { serve } from "../mod.ts";

serve((request) => new Response(`Hello from ${new URL(request.url).pathname}\n`));
