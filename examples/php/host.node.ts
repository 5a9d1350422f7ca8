/**
 * A folder of PHP scripts and files, by node:http and php-fpm:
 * `node host.node.ts php.sock www 8000`
 */
// In your own file: import { serveGateway } from "@fastcgi/serve/client";
import process from "node:process";
import { serveGateway } from "../../src/client/mod.ts";

const [path = "php.sock", root = "www", port = "8000"] = process.argv.slice(2);
const options = { to: { path }, root, maxConnections: 8 };

const { url } = await serveGateway({ hostname: "127.0.0.1", port: Number(port), ...options });
console.log(`Listening on ${url}`);
