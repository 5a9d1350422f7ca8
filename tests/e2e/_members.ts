/** The application `apps/members.ts`: how it is started, and what it says. */
import { fileURLToPath } from "node:url";
import { type Program, spawnScript, waitUntil } from "../_runtime.ts";
import { http, type HttpRequest, type HttpResponse } from "./_http_client.ts";

const MEMBERS = fileURLToPath(new URL("./apps/members.ts", import.meta.url));

/** What the application was asked: a line on its standard error, and the text of its pages. */
export interface Asked {
  path: string;
  method: string;
  body: number | null;
  member: string | null;
  original: string | null;
  originalMethod: string | null;
}

/** A member's request. */
export const cookie = (value: string): HttpRequest => ({
  headers: [["Cookie", `session=${value}`]],
});

/** Starts it on fcgi.sock in this directory. */
export async function startMembers(directory: string): Promise<Program> {
  const program = await spawnScript(MEMBERS, ["fcgi.sock"], {
    cwd: directory,
    denoPermissions: ["--allow-net", "--allow-read=fcgi.sock", "--allow-write=fcgi.sock"],
  });
  await program.waitForLine("stderr", /^Serving FastCGI on fcgi\.sock/);
  return program;
}

/** Asks a web server, and tells what the application was asked meanwhile. */
export async function askThrough(
  port: number,
  app: Program,
  request: HttpRequest,
): Promise<{ answer: HttpResponse; asked: Asked[] }> {
  const lines = () =>
    app.stderr.lines.filter((line) => line.startsWith("asked "))
      .map((line): Asked => JSON.parse(line.slice("asked ".length)));
  const before = lines().length;
  const answer = await http(port, request);
  // A line of a request that comes behind all that it has caused.
  const mark = `/mark/${crypto.randomUUID()}`;
  await http(port, { target: mark });
  await waitUntil(() => lines().some(({ path }) => path === mark), { what: mark });
  return { answer, asked: lines().slice(before).filter(({ path }) => path !== mark) };
}
