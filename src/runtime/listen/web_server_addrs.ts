/**
 * Which hosts may connect over TCP. FastCGI knows no password: whoever reaches the port can ask
 * anything, in any user's name. The specification's own remedy is a list of the web servers'
 * addresses (FastCGI 1.0, section 3.2).
 *
 * An IPv4 address is the same in its IPv6 form (`::ffff:10.0.0.1`, in whatever spelling), which a
 * socket for both families tells.
 */
import { BlockList, isIP } from "node:net";

// As loaded: applications replace globals.
const { URL } = globalThis;

type Family = "ipv4" | "ipv6";

/** A list of addresses and subnets. */
export class WebServerAddrs {
  /**
   * One for each family: whether `::/0` also means IPv4 is not the same on every runtime. Here it
   * does not.
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
    // A link-local address comes with the name of the interface, as in `fe80::1%eth0`.
    const plain = withoutMapping(address.replace(/%.*$/, ""));
    const family = familyOf(plain);
    return family !== undefined && this.#lists[family].check(plain, family);
  }
}

/** An address as the subnet that has no other. */
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

/** What precedes the IPv4 address in its IPv6 form. */
const MAPPED_BITS = 96;
/** The IPv6 form in the one spelling that a URL has for it (RFC 5952). */
const MAPPED = /^\[::ffff:([0-9a-f]+):([0-9a-f]+)\]$/;

/**
 * The IPv4 address in an IPv6 address of any spelling: `::ffff:10.0.0.1`, `::FFFF:a00:1`,
 * `0:0:0:0:0:ffff:a00:1`.
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
