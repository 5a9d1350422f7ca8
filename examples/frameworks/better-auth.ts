// better-auth: it takes the client's address from a header, and by itself from `X-Forwarded-For`,
// which a client writes as it likes. So it gets one that only this program sets.
import process from "node:process";
import { serve } from "@fastcgi/serve";
import { betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";

const auth = betterAuth({
  secret: process.env.BETTER_AUTH_SECRET,
  baseURL: process.env.BETTER_AUTH_URL, // https://example.org: other origins are refused
  // Until the program ends: take a database.
  database: memoryAdapter({ user: [], session: [], account: [], verification: [] }),
  emailAndPassword: { enabled: true },
  advanced: { ipAddress: { ipAddressHeaders: ["x-client-address"] } },
});

serve({ path: "/run/app/fcgi.sock", mode: 0o660 }, async (request, info) => {
  const { pathname } = new URL(request.url);
  if (pathname.startsWith("/api/auth/")) {
    const headers = new Headers(request.headers);
    headers.set("x-client-address", info.remoteAddr.hostname);
    return auth.handler(new Request(request, { headers }));
  }
  const session = await auth.api.getSession({ headers: request.headers });
  if (session === null) return new Response("Who are you?\n", { status: 401 });
  return new Response(`Hello, ${session.user.name}, since ${session.session.ipAddress}\n`);
});
