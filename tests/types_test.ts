/**
 * The types of the sources, as `tsc` sees them in a project that imports them: in a clone beside
 * it, for there is no package on npm. `deno check`, the gate's, has types of its own.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { FRAMEWORKS, installFrameworks } from "./_npm.ts";
import { assertEquals } from "./_assert.ts";
import { describe, it } from "./_harness.ts";
import { runtime, spawnProgram, tempDir } from "./_runtime.ts";

const ROOT = new URL("../", import.meta.url);

/** As a project would use them, with what must not compile. */
const program = (entries: Record<string, string>) => `
import { serve, serveConnection, type ServeHandler, type ServeSettings } from ${entries["."]};
import { FastCgiClient, gateway as makeGateway, serveGateway } from ${entries["./client"]};
import { RecordDecoder } from ${entries["./protocol"]};

const hello: ServeHandler = (request, info) => new Response(request.url + info.remoteAddr.hostname);
const common: ServeSettings = { maxBodyBytes: 1e6, onListen: ({ transport }) => transport };
class App {
  mount(path: string) {
    return path;
  }
  onError = (handler: () => Response) => handler;
  fetch(request: Request, env?: { name: string }) {
    return Promise.resolve(new Response(request.url + env?.name));
  }
}
const app = Object.assign((request: Request, ..._rest: unknown[]) => new Response(request.url), {
  fetch: (request: Request) => new Response(request.url),
});
const bun = { port: 3000, idleTimeout: 10, development: true, fetch: app.fetch };

serve(hello);
serve(new App());
serve(app);
serve(bun);
serve({ port: 0, fetch: (request, info) => new Response(request.url + info.scriptName) });
serve({ ...common, path: "app.sock", mode: 0o660 }, new App());
serve({ ...common, hostname: "::1" }, { fetch: (request) => new Response(request.body) });
serve({ ...common, fd: 3 }, (request) => fetch(request.url, { signal: request.signal }));
// @ts-expect-error: a path and a port
serve({ path: "app.sock", port: 0 }, hello);
// @ts-expect-error: a mode without a path
serve({ mode: 0o660 }, hello);
// @ts-expect-error: a descriptor and a hostname
serve({ fd: 3, hostname: "::1" }, hello);
// @ts-expect-error: a name that is none
serve({ prot: 0 }, hello);
// @ts-expect-error: no handler
serve({ port: 0 });
// @ts-expect-error: no Response
serve(() => "Hello");

const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
await serveConnection({ readable, writable }, new App(), { maxParams: 10 });
const client = new FastCgiClient({ path: "app.sock" });
const response: Response = await client.fetch(new Request("http://localhost/"));
await using gateway = await serveGateway({ port: 0, to: { port: 9000 } });
const site = makeGateway({ to: { path: "app.sock" }, root: "www", params: (_, { port }) => ({ X: String(port) }) });
const fetcher: { fetch(request: Request, info: { secure: true }): Promise<Response> } = { fetch: site };
console.log(response.status, gateway.url, new RecordDecoder(), fetcher);
`;

const STRICT = { strict: true, module: "nodenext", target: "esnext" };
const DOM = ["esnext", "dom", "dom.iterable", "dom.asynciterable"];

const CONFIGURATIONS: Record<string, Record<string, unknown>> = {
  "of a Node project": { ...STRICT, lib: ["esnext"], types: ["node"] },
  "of a Node project with the DOM library": { ...STRICT, lib: DOM, types: ["node"] },
  "of a Bun project": { ...STRICT, lib: ["esnext"], types: ["bun"] },
  "of a Bun project with the DOM library": { ...STRICT, lib: DOM, types: ["bun"] },
  // What `bun init` 1.4 writes, word for word.
  "that bun init makes": {
    lib: ["ESNext"],
    target: "ESNext",
    module: "Preserve",
    moduleDetection: "force",
    jsx: "react-jsx",
    allowJs: true,
    types: ["bun"],
    moduleResolution: "bundler",
    verbatimModuleSyntax: true,
    strict: true,
    noFallthroughCasesInSwitch: true,
    noUncheckedIndexedAccess: true,
    noImplicitOverride: true,
    noUnusedLocals: false,
    noUnusedParameters: false,
    noPropertyAccessFromIndexSignature: false,
  },
  // No package.json above the sources says that they are modules, but for the one in src/.
  "with verbatimModuleSyntax": {
    ...STRICT,
    lib: ["esnext"],
    types: ["node"],
    verbatimModuleSyntax: true,
  },
};

const skip = runtime !== "node"
  ? "The compiler is a program of its own, the same whatever runs the test"
  : await installFrameworks();

describe("types", () => {
  for (const [project, compilerOptions] of Object.entries(CONFIGURATIONS)) {
    it(`have no error in a configuration ${project}`, { skip }, async () => {
      const { exports } = JSON.parse(await readFile(new URL("deno.json", ROOT), "utf8"));
      const entries = Object.entries<string>(exports)
        .map(([name, path]) => [name, JSON.stringify(fileURLToPath(new URL(path, ROOT)))]);
      await using directory = await tempDir();
      const at = (name: string) => join(directory.path, name);
      await writeFile(at("package.json"), JSON.stringify({ type: "module" }));
      await writeFile(at("main.ts"), program(Object.fromEntries(entries)));
      const configuration = {
        compilerOptions: {
          ...compilerOptions,
          noEmit: true,
          skipLibCheck: true,
          allowImportingTsExtensions: true,
          typeRoots: [join(FRAMEWORKS, "node_modules/@types")],
        },
        files: ["main.ts"],
      };
      await writeFile(at("tsconfig.json"), JSON.stringify(configuration));
      const compiler = join(FRAMEWORKS, "node_modules/typescript/bin/tsc");
      await using checked = await spawnProgram(process.execPath, [compiler, "-p", at(".")]);
      const { code } = await checked.exit;
      assertEquals([checked.stdout.text, checked.stderr.text, code], ["", "", 0]);
    });
  }
});
