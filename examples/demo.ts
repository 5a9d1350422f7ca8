/**
 * The showcase in one program: the application on a FastCGI socket, and the gateway in front of it,
 * so that nothing has to be installed and set up to look at it.
 *
 * ```sh
 * deno run --allow-net --allow-env=PORT examples/demo.ts [--port=8000]
 * bun examples/demo.ts
 * node examples/demo.ts
 * ```
 */
import process from "node:process";
import { serve } from "../mod.ts";
import { type Gateway, serveGateway } from "../src/client/mod.ts";
import app from "./showcase/app.ts";

/** How many ports are tried, from the one that was asked for. */
const ATTEMPTS = 20;

const application = serve({ port: 0, onListen: () => {} }, app);
const to = await application.ready;
if (to.transport !== "tcp") throw new TypeError("Expected a TCP address");
console.log(`Application: FastCGI on ${to.hostname}:${to.port}, ${navigator.userAgent}`);

const gateway = await startGateway(wantedPort());
console.log("Gateway: HTTP in front of it, in place of nginx");
console.log(`Open ${gateway.url}`);

function wantedPort(): number {
  const text = process.argv.find((arg) => arg.startsWith("--port="))?.slice(7) ?? process.env.PORT;
  const port = Number(text || 8000);
  if (!(Number.isInteger(port) && port > 0 && port < 65536)) {
    console.error(`Cannot listen on port ${text}: a port is a number from 1 to 65535`);
    process.exit(1);
  }
  return port;
}

/** Takes the next free port if the one that is wanted is taken. */
async function startGateway(wanted: number): Promise<Gateway> {
  for (let port = wanted;; port++) {
    try {
      return await serveGateway({
        port,
        to,
        keepConnection: true,
        onStderr: (line) => console.error(`[error log] ${line}`),
      });
    } catch (error) {
      const isTaken = (error as { code?: string }).code === "EADDRINUSE";
      if (!isTaken || port === wanted + ATTEMPTS) throw error;
    }
  }
}
