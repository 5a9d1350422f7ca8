#!/usr/bin/env node
// The same as before.cjs. In your own file: import { serve } from "@fastcgi/serve";
import { serve } from "../../../mod.ts";

const headers = { "content-type": "text/plain; charset=utf-8" };

serve({ path: "/run/app/fcgi.sock", mode: 0o660 }, async (request, info) => {
  const { pathname, searchParams } = new URL(request.url);
  if (pathname === "/old") {
    return new Response(null, { status: 301, headers: { ...headers, location: "/" } });
  }
  if (pathname === "/count") return new Response(ReadableStream.from(count()), { headers });
  if (pathname !== "/") return new Response(`There is no ${pathname}\n`, { status: 404, headers });

  const form = request.method === "POST" ? await request.formData() : searchParams;
  const name = form.get("name") ?? "stranger";
  info.log(`Greeted ${name}`);
  const method = info.params.get("REQUEST_METHOD");
  return new Response(`Hello, ${name}, from ${info.remoteAddr.hostname} by ${method}\n`, {
    headers,
  });
});

async function* count() {
  const encoder = new TextEncoder();
  for (const n of [3, 2, 1]) yield encoder.encode(`${n}\n`);
}
