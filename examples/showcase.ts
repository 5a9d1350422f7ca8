#!/usr/bin/env -S deno run --allow-net
/**
 * The showcase behind any web server: `deno run --allow-net examples/showcase.ts` listens on
 * 127.0.0.1:9000, and a web server may start it as a FastCGI or CGI program. `bun` and `node` run
 * it as well.
 */
import { serve } from "../mod.ts";
import app from "./showcase/app.ts";

serve(app);
