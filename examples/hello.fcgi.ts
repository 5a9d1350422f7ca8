#!/usr/bin/env -S deno run --allow-net --allow-env
// In your own file: import { serve } from "jsr:@fastcgi/serve"; --allow-env is for systemd's
// sockets (LISTEN_FDS), CGI and FCGI_WEB_SERVER_ADDRS: without them, leave it out.
import { serve } from "../mod.ts";

serve((request) => new Response(`Hello from ${new URL(request.url).pathname}\n`));
