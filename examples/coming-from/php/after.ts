#!/usr/bin/env -S deno run --allow-net --allow-read=/run/app --allow-write=/run/app,visits.log
// The same as before.php. In your own file: import { serve } from "jsr:@fastcgi/serve";
import { appendFile } from "node:fs/promises";
import { serve } from "../../../mod.ts";

const headers = { "content-type": "text/plain; charset=utf-8" };
// Gone with the process, and not shared with another one: a database, where that matters.
const sessions = new Map<string, { visits: number }>();

serve({ path: "/run/app/fcgi.sock", mode: 0o660 }, async (request, info) => {
  const { pathname, searchParams } = new URL(request.url);
  if (pathname === "/old") {
    return new Response(null, { status: 301, headers: { ...headers, location: "/" } });
  }
  if (pathname === "/count") return new Response(ReadableStream.from(count()), { headers });
  if (pathname !== "/") return new Response(`There is no ${pathname}\n`, { status: 404, headers });

  let [, id = ""] = /(?:^|; )session=([\w-]+)/.exec(request.headers.get("cookie") ?? "") ?? [];
  const session = sessions.get(id) ?? { visits: 0 };
  session.visits++;
  const answer = new Headers(headers);
  if (!sessions.has(id)) {
    id = crypto.randomUUID();
    answer.set("set-cookie", `session=${id}; path=/; HttpOnly; SameSite=Lax`);
  }
  sessions.set(id, session);

  const form = request.method === "POST" ? await request.formData() : searchParams;
  const name = form.get("name") ?? "stranger";
  info.log(`Greeted ${name}`);
  info.waitUntil(appendFile("visits.log", `${name}\n`));
  return new Response(
    `Hello, ${name}, from ${info.remoteAddr.hostname}: visit ${session.visits}\n`,
    { headers: answer },
  );
});

async function* count() {
  const encoder = new TextEncoder();
  for (const n of [3, 2, 1]) yield encoder.encode(`${n}\n`);
}
