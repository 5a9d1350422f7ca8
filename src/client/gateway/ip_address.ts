/** IP addresses, and ranges of them in CIDR notation (RFC 4632, RFC 4291). */

// As loaded: applications replace the global.
const { URL } = globalThis;

/** Bytes in network order: four for IPv4, sixteen for IPv6. */
export type IpAddress = readonly number[];

/** A range of addresses. */
export interface IpRange {
  readonly address: IpAddress;
  /** How many of its first bits an address has in common. */
  readonly bits: number;
}

const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;
/** What IPv6 has in front of an IPv4 address (RFC 4291, section 2.5.5.2). */
const MAPPED = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/**
 * Reads an address, without brackets; `undefined` if it is none. An IPv4 address in IPv6 is that
 * IPv4 address: a socket for both shows it so. A zone (`%eth0`) does not count.
 */
export function parseIp(text: string): IpAddress | undefined {
  if (IPV4.test(text)) return text.split(".").map(Number);
  const [, bare] = /^([\da-f:.]+)(?:%.*)?$/i.exec(text) ?? [];
  if (bare === undefined || !bare.includes(":")) return undefined;
  const url = `http://[${bare}]`;
  if (!URL.canParse(url)) return undefined;
  const bytes = expand(new URL(url).hostname.slice(1, -1));
  return MAPPED.every((byte, i) => byte === bytes[i]) ? bytes.slice(12) : bytes;
}

/** Writes an address as everybody does: IPv6 in its shortest form (RFC 5952). */
export function formatIp(address: IpAddress): string {
  if (address.length === 4) return address.join(".");
  const groups = address.flatMap((byte, i) =>
    i % 2 === 0 ? [(byte << 8 | address[i + 1]!).toString(16)] : []
  );
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
}

/** Reads an address or a range, such as `10.0.0.0/8`; `undefined` if it is none. */
export function parseIpRange(text: string): IpRange | undefined {
  const [, start, length] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const address = start === undefined ? undefined : parseIp(start);
  if (address === undefined) return undefined;
  const most = address.length * 8;
  // `::ffff:10.0.0.0/104` is `10.0.0.0/8`.
  const isMapped = most === 32 && start!.includes(":");
  const bits = length === undefined ? most : Number(length) - (isMapped ? 96 : 0);
  return bits >= 0 && bits <= most ? { address, bits } : undefined;
}

/** Whether an address is in a range. */
export function isInRange(address: IpAddress, range: IpRange): boolean {
  if (address.length !== range.address.length) return false;
  return address.every((byte, i) => {
    const shift = 8 - Math.min(8, Math.max(0, range.bits - i * 8));
    return byte >> shift === range.address[i]! >> shift;
  });
}

/** The bytes of an IPv6 address as the URL standard writes it: in hexadecimal alone. */
function expand(text: string): number[] {
  const [start = "", end] = text.split("::");
  const head = groupsOf(start);
  const tail = groupsOf(end ?? "");
  const zeros = Array<number>(8 - head.length - tail.length).fill(0);
  return [...head, ...zeros, ...tail].flatMap((group) => [group >> 8, group & 0xff]);
}

function groupsOf(text: string): number[] {
  return text === "" ? [] : text.split(":").map((group) => parseInt(group, 16));
}
