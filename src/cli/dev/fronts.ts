/** The HTTP servers of `fcgi dev`: one for each address. */
import { messageOf, textOf } from "../../log/describe.ts";
import { checkHostname } from "../../runtime/hostname.ts";
import type { HttpFront, HttpPeer } from "../../runtime/http/http_front.ts";
import { startHttpFront } from "../../runtime/http/start_http_front.ts";

// As loaded: applications replace the global.
const { Promise } = globalThis;

/** A browser may take either for localhost. */
const LOOPBACKS = ["127.0.0.1", "::1"];
/** How many ports are tried, one after the other. */
const TRIES = 20;
/** Answers a request that has come to one of the servers. */
export type Answer = (
  request: Request,
  ends: { peer: HttpPeer; own: HttpPeer },
) => Promise<Response>;

/** Servers on one port. */
export interface Fronts {
  readonly port: number;
  /** The address to open in a browser. */
  readonly url: string;
  /** Stops listening, and resolves when the requests in flight have been answered. */
  shutdown(): Promise<void>;
  /** Stops listening, and closes every connection at once. */
  close(): void;
}

/**
 * Listens on a port of a host, or of both loopback addresses; on the next one that is free, if
 * another program listens there.
 *
 * @throws {Error} If that is impossible.
 */
export async function openFronts(
  host: string | undefined,
  port: number,
  answer: Answer,
): Promise<Fronts> {
  if (host !== undefined) checkHostname(host, "listen");
  const hosts = host === undefined || host === "localhost" ? LOOPBACKS : [host];
  for (let tried = port;; tried++) {
    try {
      return await openAll(hosts, tried, answer);
    } catch (error) {
      if (textOf(error, "code") !== "EADDRINUSE") throw explain(error, host, tried);
      if (tried - port >= TRIES || tried >= 65_535) throw taken(port, tried);
      // Of any port that the system has chosen, another program had the other address.
      if (port === 0) tried = -1;
    }
  }
}

async function openAll(hosts: readonly string[], port: number, answer: Answer): Promise<Fronts> {
  const fronts: HttpFront[] = [];
  try {
    for (const [index, hostname] of hosts.entries()) {
      try {
        fronts.push(await open(hostname, fronts[0]?.addr.port ?? port, answer));
      } catch (error) {
        // A machine may have no IPv6.
        const isOptional = index > 0 && textOf(error, "code") !== "EADDRINUSE";
        if (!isOptional) throw error;
      }
    }
  } catch (error) {
    for (const front of fronts) front.close();
    throw error;
  }
  const { addr } = fronts[0]!;
  const name = hosts.length > 1 ? "localhost" : nameOf(hosts[0]!);
  return {
    port: addr.port,
    url: `http://${name}:${addr.port}/`,
    shutdown: async () => void await Promise.all(fronts.map((front) => front.shutdown())),
    close: () => fronts.forEach((front) => front.close()),
  };
}

async function open(hostname: string, port: number, answer: Answer): Promise<HttpFront> {
  const front: HttpFront = await startHttpFront({
    hostname,
    port,
    handler: (request, peer) => answer(request, { peer, own: front.addr }),
  });
  return front;
}

/** A host in a URL; all addresses are best reached as this machine. */
function nameOf(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "localhost";
  return host.includes(":") ? `[${host}]` : host;
}

function taken(first: number, last: number): Error {
  return new Error(
    `Other programs listen on the ports ${first} to ${last}: choose one with --port`,
  );
}

function explain(error: unknown, host = "localhost", port: number): Error {
  return new Error(`Cannot listen on ${host}, port ${port}: ${messageOf(error)}`, { cause: error });
}
