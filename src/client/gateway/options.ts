import type { ConnectAddress } from "../../runtime/connect.ts";
import type { Files } from "../../runtime/files.ts";
import { mountPoint, utf8Bytes } from "../../cgi/split_path.ts";
import type { ClientOptions } from "../options.ts";
import type { ClientParams } from "../request_params.ts";
import { DocumentRoot } from "./document_root.ts";
import { parseTrustedProxies, type TrustedProxies } from "./forwarded.ts";
import type { GatewayPeer } from "./peer.ts";
import type { Layout } from "./route.ts";
import { parseAttempt } from "./try_files.ts";

/** The application behind a gateway, and the files beside it. */
export interface GatewayOptions extends Omit<ClientOptions, "params"> {
  /** The address of the FastCGI application. */
  to: ConnectAddress;
  /**
   * Parameters for every request, such as `SERVER_NAME`; or a function that gives those of one
   * request. They replace all others; `undefined` removes one. If the function throws, the response
   * is 500.
   *
   * @default {}
   */
  params?: ClientParams | GatewayParams;
  /**
   * The path that the application is mounted at: it becomes `SCRIPT_NAME`, and the rest of the path
   * `PATH_INFO` (RFC 3875, section 4.1). `""` is for applications that have the whole site: WSGI,
   * PSGI, Rack, Go, git, cgit. Outside of it there is no application: 404, unless `root` has a
   * file.
   *
   * @default without `root`: `SCRIPT_NAME` is the whole path, and there is no `PATH_INFO`, as with
   * nginx's stock `fastcgi_params`
   */
  scriptName?: string;
  /**
   * The directory of the website's files, relative to the working directory. Files are given out;
   * those with a name that `split` knows are run by the application, which must have them at the
   * same path. It becomes `DOCUMENT_ROOT`. On Deno it needs `--allow-read`.
   *
   * Not given out, whatever there is: files outside of it, those whose name or folder begins with a
   * dot (but `/.well-known/`), sources of PHP and their copies (`.php`, `.phtml`, `.phps`, `.inc`,
   * `.php.bak`, `.php~`), names that are not UTF-8.
   *
   * @default there are no files
   */
  root?: string;
  /**
   * What the names of scripts below `root` end in. The path behind the first such file becomes
   * `PATH_INFO`: `/x.php/y` is `/x.php` and `/y`. It is compared as it is written here.
   *
   * @default ".php" with `root` and without `scriptName`, else nothing
   */
  split?: string | string[];
  /**
   * The names of the files that stand for their directory; the first one that is there is taken. A
   * directory that has none is not there.
   *
   * @default ["index.php", "index.html"] where scripts end in ".php", else ["index.html"]
   */
  index?: string | string[];
  /**
   * What is looked for below `root`, in this order, where the path is that of no script, as in
   * nginx's `try_files`: `$uri` is a file, `$uri/` a directory with an index, `$uri.html` the file
   * with that ending, `/index.php` a front controller, `=403` a status. The query of the client
   * stays, unless there is one (`/index.php?q=$uri&$args`). At the end comes the application at
   * `scriptName`, or 404.
   *
   * @default ["$uri", "$uri/"]
   */
  try?: string[];
  /**
   * Whether symbolic links may lead out of `root`. Without it, what such a link leads to is not
   * there.
   *
   * @default false
   */
  followSymlinks?: boolean;
  /**
   * IP addresses and ranges of proxies, such as `"10.0.0.0/8"`, or `"unix:"` for whoever comes over
   * a Unix socket. What they say of the client is believed: `X-Forwarded-For`, `X-Forwarded-Proto`
   * and `X-Forwarded-Host`, or `Forwarded` (RFC 7239) if they send none of these. They must set all
   * of them, or remove those that the client has sent. To others these are headers like any.
   *
   * @default []
   */
  trustedProxies?: string[];
  /**
   * Called with the cause of a 502 (the application cannot be reached, or broke off), a 504 (it
   * took too long) and a 500 (a file cannot be read, `params` has thrown), of an answer that breaks
   * off in its body, and of a complete one behind which the exit status is not 0 (`exit_status`).
   * What clients are to blame for is not told.
   *
   * @default prints the error to standard error
   */
  onError?: (error: unknown, context: { readonly request: Request }) => void;
}

/** Gives the parameters of a request; `undefined` for none. */
export type GatewayParams = (
  request: Request,
  peer: GatewayPeer,
) => ClientParams | undefined | Promise<ClientParams | undefined>;

/** What the options say of a site. */
export interface SiteOptions {
  readonly root: DocumentRoot | undefined;
  readonly layout: Layout;
  readonly trusted: TrustedProxies;
  readonly params: GatewayParams;
}

/**
 * Reads the options of a site.
 *
 * @throws {TypeError} If one of them cannot be meant so.
 */
export function readOptions(options: GatewayOptions, files: Files): SiteOptions {
  const { root, scriptName, params, followSymlinks = false, trustedProxies = [] } = options;
  const hasRoot = root !== undefined;
  const needless = FOR_ROOT.find((name) => options[name] !== undefined);
  if (!hasRoot && needless !== undefined) {
    throw new TypeError(`Cannot take the option ${needless} without a root`);
  }
  const endings = listOf(options.split ?? (hasRoot && scriptName === undefined ? ".php" : []));
  const isPhp = endings.includes(".php");
  const index = listOf(options.index ?? (isPhp ? ["index.php", "index.html"] : "index.html"));
  if (endings.includes("")) throw new TypeError(`Cannot split a path at ""`);
  if (index.some((name) => !/^[^/]+$/.test(name))) {
    throw new TypeError(`Cannot take ${JSON.stringify(index)} for names of files`);
  }
  return {
    root: hasRoot ? new DocumentRoot(root, files, { followSymlinks }) : undefined,
    layout: {
      scriptName: scriptName === undefined ? undefined : utf8Bytes(mountPoint(scriptName)),
      hasFiles: hasRoot,
      endings: endings.map(utf8Bytes),
      index: index.map(utf8Bytes),
      attempts: hasRoot ? (options.try ?? ["$uri", "$uri/"]).map(utf8Bytes).map(parseAttempt) : [],
    },
    trusted: parseTrustedProxies(trustedProxies),
    params: typeof params === "function" ? params : () => params,
  };
}

/** Options that say nothing without a `root`. */
const FOR_ROOT = ["split", "index", "try", "followSymlinks"] as const;

function listOf(value: string | string[]): string[] {
  return typeof value === "string" ? [value] : value;
}
