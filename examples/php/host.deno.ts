/**
 * A folder of PHP scripts and files, by Deno.serve and php-fpm:
 * `deno run --allow-net --allow-read --allow-write host.deno.ts php.sock www 8000`,
 * and `start` has some more flags.
 */
// In your own file: import { gateway } from "jsr:@fastcgi/serve/client";
import { gateway } from "../../src/client/mod.ts";

const [path = "php.sock", root = "www", port = "8000"] = Deno.args;
const handler = gateway({ to: { path }, root, maxConnections: 8 });

Deno.serve({ hostname: "127.0.0.1", port: Number(port) }, handler);
