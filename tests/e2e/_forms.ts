/**
 * Applications of frameworks that compare the `Origin` of a form with the URL, for the port that
 * Debian's `fastcgi_params` take out of `Host`.
 */
import { access, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { FRAMEWORKS } from "../_npm.ts";
import { type Program, spawnScript } from "../_runtime.ts";
import type { HttpRequest } from "./_http_client.ts";

const MODULE = new URL("../../mod.ts", import.meta.url).href;

interface Forms {
  /** The application, whose `handler` is served. */
  source: string;
  /** The path of its form, and what is sent. */
  target: string;
  type: string;
  body: string;
  /** What a refusal says. */
  refusal: string;
}

/** By the package that it is made of. */
export const FORMS = {
  "hono": {
    source: `
import { Hono } from "hono";
import { csrf } from "hono/csrf";
const handler = new Hono().use(csrf()).post("/", (c) => c.text("Taken"));
`,
    target: "/",
    type: "application/x-www-form-urlencoded",
    body: "name=ada",
    refusal: "Forbidden",
  },
  "better-auth": {
    source: `
import { betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";
const auth = betterAuth({
  secret: "a secret that is long enough for a test",
  database: memoryAdapter({ user: [], session: [], account: [], verification: [] }),
  emailAndPassword: { enabled: true },
});
const handler = (request) => auth.handler(request);
`,
    target: "/api/auth/sign-up/email",
    type: "application/json",
    body: JSON.stringify({ name: "Ada", email: "ada@example.org", password: "long enough" }),
    refusal: "Invalid origin",
  },
} satisfies Record<string, Forms>;
export type FormsName = keyof typeof FORMS;

/** The reason why one cannot be started here, or `false`: the packages come with the frameworks. */
export async function skipForms(name: FormsName): Promise<string | false> {
  const there = access(join(FRAMEWORKS, "node_modules", name)).then(() => true, () => false);
  return !(await there) && `${name} is not among the packages from npm`;
}

/** Starts one on a port, or a Unix socket in a directory; it is ready when this resolves. */
export async function startForms(
  name: FormsName,
  { path, ...options }: { path?: string; port?: number; mode?: number },
  directory = "",
): Promise<Program> {
  const place = path === undefined ? options : { ...options, path: join(directory, path) };
  const file = join(FRAMEWORKS, `forms_${name}_${process.pid}.mjs`);
  await writeFile(
    file,
    `import { serve } from ${JSON.stringify(MODULE)};
${FORMS[name].source}
serve(${JSON.stringify(place)}, handler);
`,
  );
  const program = await spawnScript(file, [], {
    denoPermissions: ["--allow-all"],
    cwd: FRAMEWORKS,
    // `bun test` says that this is a test, where better-auth lets everybody in.
    env: { NODE_ENV: "production" },
  });
  try {
    await program.waitForLine("stderr", /^Serving FastCGI on/);
  } finally {
    await rm(file);
  }
  return program;
}

/** A form of a page at this host. */
export const formOf = (name: FormsName, host: string): HttpRequest => {
  const { target, type, body } = FORMS[name];
  return {
    method: "POST",
    target,
    host,
    headers: [
      ["Origin", `http://${host}`],
      ["Content-Type", type],
      // Without a cookie some take a form for harmless.
      ["Cookie", "visits=1"],
    ],
    body: new TextEncoder().encode(body),
  };
};
