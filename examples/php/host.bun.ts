/**
 * A folder of PHP scripts and files, by Bun.serve and php-fpm:
 * `bun host.bun.ts php.sock www 8000`
 */
// In your own file: import { gateway } from "@fastcgi/serve/client";
import { gateway } from "../../src/client/mod.ts";

// Not in your own file, where @types/bun says it.
declare const Bun: { argv: string[]; serve(options: object): { url: URL } };

const [path = "php.sock", root = "www", port = "8000"] = Bun.argv.slice(2);
const fetch = gateway({ to: { path }, root, maxConnections: 8 });

// Bun closes what is silent for 10 seconds, unless it is told how long a script may take.
const { url } = Bun.serve({ hostname: "127.0.0.1", port: Number(port), fetch, idleTimeout: 255 });
console.log(`Listening on ${url}`);
