/**
 * Which hosts may connect over TCP. FastCGI knows no password: whoever reaches the port can ask anything, in any user's
 * name. The specification's own remedy is a list of the web servers' addresses (FastCGI 1.0, section 3.2).
 */
import { BlockList, isIP } from "node:net";

/** A list of addresses and subnets. */
export class WebServerAddrs {
  readonly #list = new BlockList();

  /**
   * Takes IPv4 and IPv6 addresses, and subnets in CIDR notation.
   *
   * @throws {TypeError} If an entry is neither.
   */
  constructor(entries: Iterable<string>) {
    for (const entry of entries) {
      const [address = "", prefix, ...rest] = entry.trim().split("/");
      const family = familyOf(address);
      const bits = prefix === undefined ? undefined : Number(/^\d{1,3}$/.exec(prefix)?.[0]);
      const isValid = family !== undefined && rest.length === 0 &&
        (bits === undefined || bits <= (family === "ipv4" ? 32 : 128));
      if (!isValid) {
        throw new TypeError(
          `Cannot read the list of web servers: "${entry}" is neither an IP address nor a subnet such as 10.0.0.0/8`,
        );
      }
      if (bits === undefined) this.#list.addAddress(address, family);
      else this.#list.addSubnet(address, bits, family);
    }
  }

  /** Whether `address` is in the list. An IPv4 address counts as itself in its IPv6 form, too. */
  has(address: string): boolean {
    const plain = address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, "");
    const family = familyOf(plain);
    return family !== undefined && this.#list.check(plain, family);
  }
}

function familyOf(address: string): "ipv4" | "ipv6" | undefined {
  const version = isIP(address);
  return version === 4 ? "ipv4" : version === 6 ? "ipv6" : undefined;
}
