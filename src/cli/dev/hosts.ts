/**
 * Who may ask `fcgi dev`. A page on the web can make a browser send requests to this machine by a
 * name of its own that it lets lead here (DNS rebinding), and read the answers. The name in `Host`
 * shows that: it is none of this machine.
 */

/** Whether requests for this host are answered, as it is in a URL: `[::1]`, without the port. */
export function isKnownHost(host: string, given: string | undefined): boolean {
  if (host === "localhost" || host.endsWith(".localhost")) return true;
  if (host === "127.0.0.1" || host === "[::1]") return true;
  if (given === undefined) return false;
  if (host === given.toLowerCase() || host === `[${given.toLowerCase()}]`) return true;
  // For all addresses: no name can be known, and an address is nothing that a page could rebind.
  return (given === "0.0.0.0" || given === "::") && /^(?:[\d.]+|\[[\da-f:.]+\])$/.test(host);
}

/** Whether a client is on this machine, by the addresses of both ends of its connection. */
export function isLocal(peer: string, own: string): boolean {
  return peer === own || peer === "::1" || /^(?:::ffff:)?127\./.test(peer);
}
