/**
 * An authorizer and the application behind it, on one port (`port=9090`) or, without one, on the
 * socket of the web server that started it. The last segment of the path says what the authorizer
 * decides; who knows no password is refused. Every question is a line on standard error.
 */
import process from "node:process";
import { serve, type ServeHandler, type ServeHandlerInfo } from "../../../mod.ts";
import { Hash } from "../_content.ts";

const options = Object.fromEntries(process.argv.slice(2).map((arg) => arg.split("=", 2)));
const PASSWORD = "engine";

serve(
  { port: options.port ? Number(options.port) : undefined, roles: ["responder", "authorizer"] },
  (request, info) => info.role === "authorizer" ? authorize(request, info) : respond(request, info),
);

const verdicts: Record<string, ServeHandler> = {
  /** With a body and what describes it, as nobody has to think of not doing it. */
  grant: (_, { params }) =>
    new Response("Nobody sees this", {
      headers: {
        "content-language": "tlh",
        "x-authorizer": "grant",
        "variable-greeting": "h\xe9llo, world",
        "variable-remote_user": params.get("REMOTE_USER") ?? "visitor",
      },
    }),
  refuse: () =>
    new Response("No entry\n", {
      status: 403,
      headers: { "x-authorizer": "refuse", "variable-secret": "of the application" },
    }),
  ask: () =>
    new Response("Who is it?\n", {
      status: 401,
      headers: { "www-authenticate": 'Basic realm="Tests"' },
    }),
  login: () =>
    new Response(null, {
      status: 302,
      headers: { location: "/login?back", "set-cookie": "visit=1" },
    }),
  large: () => new Response("x".repeat(300_000), { status: 403 }),
  fail: () => {
    throw new Error("The list of users is lost");
  },
};

function authorize(request: Request, info: ServeHandlerInfo): Response | Promise<Response> {
  const { params } = info;
  const verdict = /(\w+)(?:\.\w+)?$/.exec(new URL(request.url).pathname)?.[1] ?? "";
  const password = params.get("REMOTE_PASSWD");
  console.error(`asked ${
    JSON.stringify({
      verdict,
      method: request.method,
      apache: params.get("FCGI_APACHE_ROLE"),
      user: params.get("REMOTE_USER"),
      password,
      authorization: request.headers.get("authorization"),
      body: request.body,
      data: info.data,
      forbidden: ["CONTENT_LENGTH", "PATH_INFO", "PATH_TRANSLATED", "SCRIPT_NAME"].filter((name) =>
        params.has(name)
      ),
    })
  }`);
  info.log(`Asked about ${verdict}`);
  if (password !== undefined && password !== PASSWORD) return verdicts.refuse(request, info);
  return (verdicts[verdict] ?? verdicts.refuse)(request, info);
}

async function respond(request: Request, { params }: ServeHandlerInfo): Promise<Response> {
  const hash = new Hash();
  for await (const part of request.body ?? []) hash.add(part);
  console.error("responds");
  return Response.json({
    method: request.method,
    body: String(hash),
    greeting: params.get("GREETING"),
    user: params.get("REMOTE_USER"),
  });
}
