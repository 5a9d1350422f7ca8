#!/usr/bin/env -S deno run --allow-net
// Guards what another server serves: HTTP Basic against a list. See lighttpd/authorizer.conf and
// apache/authorizer.conf. authorizer.fcgi.ts 9090 on a port; without one where the web server that
// started it says, or on port 9000
import process from "node:process";
import { serve } from "../mod.ts";

// A real list has salted hashes in place of passwords.
const users = new Map([["ada", "engine"], ["grace", "compiler"]]);

serve({ port: Number(process.argv[2]) || undefined, roles: ["authorizer"] }, (request, info) => {
  const [user, password] = credentials(request, (name) => info.params.get(name));
  // Apache asks an AUTHORIZER about a user whose password has been checked already.
  const isChecked = info.params.get("FCGI_APACHE_ROLE") === "AUTHORIZER";
  if (users.has(user) && (isChecked || users.get(user) === password)) {
    // Lets the request through. Who answers it finds the name among its parameters.
    return new Response(null, { headers: { "Variable-REMOTE_USER": user } });
  }
  const headers = { "WWW-Authenticate": 'Basic realm="Members"' };
  return new Response("Your name and password, please\n", { status: 401, headers });
});

/** Apache has taken the header apart, lighttpd passes it on. */
function credentials(request: Request, param: (name: string) => string | undefined): string[] {
  const user = param("REMOTE_USER");
  if (user !== undefined) return [user, param("REMOTE_PASSWD") ?? ""];
  const [, encoded = ""] = request.headers.get("authorization")?.match(/^Basic ([\w+/=]+)$/i) ?? [];
  const [, name = "", password = ""] = decode(encoded).match(/^([^:]*):(.*)$/s) ?? [];
  return [name, password];
}

function decode(base64: string): string {
  try {
    return atob(base64);
  } catch {
    return "";
  }
}
