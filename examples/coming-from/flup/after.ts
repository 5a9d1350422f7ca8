#!/usr/bin/env -S deno run --allow-net --allow-read=/run/app --allow-write=/run/app
// The same as before.py. In your own file: import { serve } from "jsr:@fastcgi/serve";
import { serve } from "../../../mod.ts";

const headers = { "content-type": "text/plain; charset=utf-8" };

serve({ path: "/run/app/fcgi.sock", mode: 0o660 }, async (request, info) => {
  const { searchParams } = new URL(request.url);
  const path = info.pathInfo;
  if (path === "/old") {
    const location = `${info.scriptName}/`;
    return new Response(null, { status: 301, headers: { ...headers, location } });
  }
  if (path === "/count") return new Response(ReadableStream.from(count()), { headers });
  if (path !== "/") {
    const text = `There is no ${path} below ${info.scriptName}\n`;
    return new Response(text, { status: 404, headers });
  }
  const form = request.method === "POST" ? await request.formData() : searchParams;
  const name = form.get("name") ?? "stranger";
  info.log(`Greeted ${name}`);
  return new Response(`Hello, ${name}, from ${info.remoteAddr.hostname}\n`, { headers });
});

async function* count() {
  const encoder = new TextEncoder();
  for (const n of [3, 2, 1]) yield encoder.encode(`${n}\n`);
}
