#!/usr/bin/env bun
// In your own file: import { serve } from "@fastcgi/serve";
import { serve } from "../mod.ts";

serve((request) => new Response(`Hello from ${new URL(request.url).pathname}\n`));
