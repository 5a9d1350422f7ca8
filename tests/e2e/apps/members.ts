/**
 * An application with a part for members, as `examples/nginx/auth_request.conf` wants it:
 * `members.ts fcgi.sock`. Every request is a line on standard error.
 */
import process from "node:process";
import { serve } from "../../../mod.ts";

serve({ path: process.argv[2]! }, async (request, { params }) => {
  const { pathname, search } = new URL(request.url);
  const body = request.body === null ? null : (await request.bytes()).length;
  const asked = {
    path: pathname + search,
    method: request.method,
    body,
    member: params.get("REMOTE_USER") || null,
    original: params.get("ORIGINAL_URI") ?? null,
    originalMethod: params.get("ORIGINAL_METHOD") ?? null,
  };
  console.error(`asked ${JSON.stringify(asked)}`);
  if (pathname === "/auth") return check(request.headers.get("cookie"));
  if (pathname === "/not-found") return new Response("Nothing of that name\n");
  return Response.json(asked);
});

function check(cookie: string | null): Response {
  switch (cookie) {
    case "session=ada":
      return new Response(null, { status: 204, headers: { "x-member": "ada" } });
    case "session=banned":
      return new Response("Not you\n", { status: 403 });
    case "session=broken":
      throw new Error("The list of members is lost");
    default:
      return new Response("Who is it?\n", { status: 401 });
  }
}
