#!/usr/bin/env -S DENO_DIR=/home/me/.cache/deno /home/me/.deno/bin/deno run --allow-net --allow-env
// A site on shared hosting; README.md beside it says how it gets there.
// In your own file: import { serve } from "jsr:@fastcgi/serve";
import { serve } from "../../mod.ts";

serve(async (request, info) => {
  const { pathname } = new URL(request.url);
  // The folder that the site was copied to: nobody has told it.
  const home = info.scriptName;
  if (request.method === "POST") {
    const { byteLength } = await request.arrayBuffer();
    return new Response(`Took ${byteLength} bytes\n`);
  }
  if (info.pathInfo !== "/") return new Response(`There is no ${pathname}\n`, { status: 404 });
  return new Response(
    `<!doctype html>
<title>Hello</title>
<link rel="stylesheet" href="${home}/style.css">
<p>Hello from ${pathname}
`,
    { headers: { "content-type": "text/html; charset=utf-8" } },
  );
});
