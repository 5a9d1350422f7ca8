/**
 * The hosts that may connect over TCP. FastCGI has no authentication: any host that reaches the
 * port can send any request, in any user's name. The specification's own remedy is a list of the
 * web servers' addresses (FastCGI 1.0, section 3.2).
 *
 * An IPv4 address is equal to its IPv4-mapped IPv6 address (`::ffff:10.0.0.1`, in any spelling),
 * which a dual-stack socket reports.
 */
import { BlockList, isIP } from "node:net";

// As loaded: applications replace globals.
const { URL } = globalThis;

type Family = "ipv4" | "ipv6";

/** A list of addresses and subnets. */
export class WebServerAddrs {
  /**
   * One list per family: whether `::/0` includes IPv4 differs between runtimes. Here it does not.
   */
  readonly #lists: Record<Family, BlockList> = { ipv4: new BlockList(), ipv6: new BlockList() };

  /**
   * Takes IPv4 and IPv6 addresses, and subnets in CIDR notation.
   *
   * @throws {TypeError} If an entry is neither.
   */
  constructor(entries: Iterable<string>) {
    for (const entry of entries) {
      const subnet = subnetOf(entry.trim());
      if (subnet === undefined) {
        throw new TypeError(
          `Cannot read the list of web servers: "${entry}" is neither an IP address nor a subnet such as 10.0.0.0/8`,
        );
      }
      const { address, bits, family } = subnet;
      this.#lists[family].addSubnet(address, bits, family);
    }
  }

  /** Whether `address` is in the list. */
  has(address: string): boolean {
    // A link-local address has a zone, the name of the interface, as in `fe80::1%eth0`.
    const plain = withoutMapping(address.replace(/%.*$/, ""));
    const family = familyOf(plain);
    return family !== undefined && this.#lists[family].check(plain, family);
  }
}

/** Parses an entry: a subnet, or an address as a subnet of that one alone. */
function subnetOf(entry: string): { address: string; bits: number; family: Family } | undefined {
  const [text = "", prefix, ...rest] = entry.split("/");
  const address = withoutMapping(text);
  const family = familyOf(address);
  if (family === undefined || address.includes("%") || rest.length > 0) return undefined;
  const most = family === "ipv4" ? 32 : 128;
  if (prefix === undefined) return { address, bits: most, family };
  if (!/^\d{1,3}$/.test(prefix)) return undefined;
  const bits = Number(prefix) - (address === text ? 0 : MAPPED_BITS);
  return bits >= 0 && bits <= most ? { address, bits, family } : undefined;
}

/** Bits of the prefix of an IPv4-mapped address. */
const MAPPED_BITS = 96;
/** An IPv4-mapped address in the canonical spelling of a URL (RFC 5952). */
const MAPPED = /^\[::ffff:([0-9a-f]+):([0-9a-f]+)\]$/;

/**
 * Turns an IPv4-mapped address of any spelling into the IPv4 address: `::ffff:10.0.0.1`,
 * `::FFFF:a00:1`, `0:0:0:0:0:ffff:a00:1`.
 */
function withoutMapping(address: string): string {
  if (isIP(address) !== 6 || address.includes("%")) return address;
  const [, high, low] = MAPPED.exec(new URL(`http://[${address}]/`).hostname) ?? [];
  if (high === undefined || low === undefined) return address;
  return [high, low].map((hex) => parseInt(hex, 16)).map((pair) => `${pair >> 8}.${pair & 255}`)
    .join(".");
}

function familyOf(address: string): Family | undefined {
  const version = isIP(address);
  return version === 4 ? "ipv4" : version === 6 ? "ipv6" : undefined;
}
