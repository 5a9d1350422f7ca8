/** What `fcgi config` prints, and what it needs for that. */
import { nameOf } from "../target.ts";
import { shellWord } from "./quote.ts";

/** A configuration. */
export interface Configuration {
  /** Its lines, without the comment that names the command. */
  readonly lines: readonly string[];
  /** What to do with it, for people. */
  readonly hints: readonly string[];
  /** How its server tests it; `undefined` if that cannot be done beside the server. */
  readonly test: ConfigurationTest | undefined;
}

/** A test by the server's own program. */
export interface ConfigurationTest {
  readonly program: string;
  /** Its arguments; the files are in this directory. */
  args(directory: string): readonly string[];
  /** The files that it reads, by their names. */
  files(text: string): Record<string, string>;
}

/** A socket by its file, or by an address and a port. */
export type Address = { readonly path: string } | TcpAddress;

/** A port of a host. */
export interface TcpAddress {
  readonly hostname: string;
  readonly port: number;
}

/** A site of a web server, in values that may stand in any configuration but for quotes. */
export interface Site {
  /** Where the application is; with a socket for each worker, the path that theirs come from. */
  readonly address: Address;
  /** Where the web server connects to. */
  readonly sockets: readonly Address[];
  /** The name of the server in URLs. */
  readonly host: string;
  /** Where the web server listens. */
  readonly port: number;
  /** Where the application is mounted, such as `/app`; empty at the root. */
  readonly basePath: string;
  /** The directory of the files. */
  readonly root: string | undefined;
  /** How many processes the application has, as `fcgi serve` is told. */
  readonly workers: string | undefined;
  /** Whether more than one process accepts connections on the socket. */
  readonly isShared: boolean;
}

/** What comes after the installation: where to look, and which application it is for. */
export function hintsOn(site: Site): readonly string[] {
  const { address, sockets, basePath, workers } = site;
  const place = "path" in address
    ? `--socket ${shellWord(address.path)} --mode 660 --group www-data`
    : `--listen ${nameOf(address)}`;
  return [
    `and look at ${urlOf(site)}`,
    "It is for an application that was started like this; --group is that of the web server:",
    `    fcgi serve APP ${place}${workers === undefined ? "" : ` --workers ${workers}`}${
      sockets.includes(address) ? "" : " --socket-per-worker"
    }`,
    ...when(
      basePath !== "",
      `Its URLs begin with ${basePath}; for routes that begin at / add --mount ${basePath}`,
    ),
  ];
}

/** The beginning of the site's URLs. */
function urlOf({ host, port, basePath }: Site): string {
  return `http://${host}${port === 80 ? "" : `:${port}`}${basePath}/`;
}

/** A name for what belongs to the site, of letters, digits, dots, dashes and underscores. */
export function siteName({ host, basePath }: Site): string {
  return `${host}${basePath}`.replace(/[^\w.-]/g, "_");
}

/** A path of a URL as a regular expression; it has no other special characters but dots. */
export function patternOf(path: string): string {
  return path.replaceAll(".", "\\.");
}

/** Lines where something holds. */
export function when(holds: boolean, ...lines: readonly string[]): readonly string[] {
  return holds ? lines : [];
}

/** Lines, further inside. */
export function indent(unit: string, lines: readonly string[]): readonly string[] {
  return lines.map((line) => line === "" ? "" : unit + line);
}
