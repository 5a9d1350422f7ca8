/**
 * Quirks of single web servers, as data: one row per quirk, each with a test over captured
 * parameters.
 *
 * The code that builds headers and paths reads these rows; it names no server itself. A row belongs
 * here if a server does it, or a recipe of its manual; a rule of a specification belongs where it
 * is applied.
 */
import type { ParamsView } from "./params.ts";

interface Row {
  /** Stable, for tests and messages. */
  readonly name: string;
  /** The web servers that have the quirk. */
  readonly servers: readonly string[];
  /** The behaviour, and why it is handled so. */
  readonly what: string;
}

/** Headers that do not reach the application from `HTTP_*`. */
export interface IgnoredHeaders extends Row {
  readonly kind: "ignored_headers";
  readonly headers: readonly string[];
}

/** A header whose empty value means that the client sent none. */
export interface InventedEmpty extends Row {
  readonly kind: "invented_empty";
  readonly header: string;
}

/** A header that also comes under another parameter name, used if its own is absent. */
export interface OtherName extends Row {
  readonly kind: "other_name";
  readonly header: string;
  readonly param: string;
}

/** A Content-Type that no client sent. */
export interface InventedType extends Row {
  readonly kind: "invented_type";
  readonly invented: (params: ParamsView) => boolean;
}

/** A Content-Length that no client sent. */
export interface InventedLength extends Row {
  readonly kind: "invented_length";
  readonly invented: (method: string, length: string) => boolean;
}

/**
 * Meaning of a `SCRIPT_NAME` that holds the whole path, without a `PATH_INFO`: whether it is the
 * mount point.
 */
export interface WholePath extends Row {
  readonly kind: "whole_path";
  readonly isMount: (params: ParamsView) => boolean;
}

/** When `SCRIPT_NAME` is a file that the server runs, so that its folder may be the mount point. */
export interface ScriptFile extends Row {
  readonly kind: "script_file";
  readonly isFile: (params: ParamsView) => boolean;
}

/** One row of the table. */
export type Quirk =
  | IgnoredHeaders
  | InventedEmpty
  | OtherName
  | InventedType
  | InventedLength
  | WholePath
  | ScriptFile;

/** The table. */
export const QUIRKS: readonly Quirk[] = [
  {
    kind: "ignored_headers",
    name: "httpoxy",
    servers: ["nginx", "Caddy", "h2o"],
    what:
      "Passes a client's Proxy header, which CGI programs take for a proxy setting (CVE-2016-5385)",
    headers: ["proxy"],
  },
  {
    kind: "ignored_headers",
    name: "content headers twice",
    servers: ["nginx", "lighttpd", "Caddy", "h2o"],
    what:
      "Sends HTTP_CONTENT_* beside CONTENT_*, or makes them from a client's Content_Length header",
    headers: ["content-length", "content-type"],
  },
  {
    kind: "invented_empty",
    name: "authorization recipe",
    servers: ["Apache SetEnvIf"],
    what: 'SetEnvIf Authorization "(.*)" HTTP_AUTHORIZATION=$1 sets it without the header too',
    header: "authorization",
  },
  {
    kind: "other_name",
    name: "FcgidPassHeader",
    servers: ["mod_fcgid"],
    what: "FcgidPassHeader Authorization passes it under the header's own name",
    header: "authorization",
    param: "Authorization",
  },
  {
    kind: "other_name",
    name: "RewriteRule with E=HTTP_AUTHORIZATION",
    servers: ["Apache"],
    what:
      "Puts REDIRECT_ before what was set before it began anew; a client's parameters are HTTP_*",
    header: "authorization",
    param: "REDIRECT_HTTP_AUTHORIZATION",
  },
  {
    kind: "other_name",
    name: "RewriteRule with E=HTTP_AUTHORIZATION, twice anew",
    servers: ["Apache"],
    what: "Puts it there for each time; a second rule that rewrites is one",
    header: "authorization",
    param: "REDIRECT_REDIRECT_HTTP_AUTHORIZATION",
  },
  {
    kind: "invented_type",
    name: "form by default",
    servers: ["Caddy"],
    what:
      "Takes a request without Content-Type for a form; a type that was sent comes as HTTP_* too",
    invented: (params) =>
      params.get("SERVER_SOFTWARE")?.startsWith("Caddy") === true &&
      !params.has("HTTP_CONTENT_TYPE"),
  },
  {
    kind: "invented_length",
    name: "zero length",
    servers: ["lighttpd", "HAProxy", "mod_fcgid", "Caddy"],
    what: "Sends CONTENT_LENGTH=0 where there is no body; a client does so for these methods only",
    invented: (method, length) => length === "0" && !/^(?:POST|PUT|PATCH)$/.test(method),
  },
  {
    kind: "whole_path",
    name: "lighttpd leaves out PATH_INFO",
    servers: ["lighttpd"],
    what: "Splits at its mount point, and sends no PATH_INFO where an empty one is meant",
    isMount: (params) => params.get("SERVER_SOFTWARE")?.startsWith("lighttpd") === true,
  },
  {
    kind: "whole_path",
    name: "mod_fcgid leaves out PATH_INFO",
    servers: ["mod_fcgid"],
    what: "Splits at its script, and sends no PATH_INFO where an empty one is meant",
    isMount: isApacheScript,
  },
  {
    kind: "script_file",
    name: "Apache's script",
    servers: ["mod_fcgid", "mod_cgi", "mod_cgid"],
    what:
      "Runs a file of the site, for other URLs too: .htaccess, FallbackResource, DirectoryIndex",
    isFile: isApacheScript,
  },
  {
    kind: "script_file",
    name: "lighttpd's script",
    servers: ["lighttpd"],
    what: "Asks for a file by its extension, for other URLs too: url.rewrite-if-not-file",
    isFile: (params) =>
      params.get("SERVER_SOFTWARE")?.startsWith("lighttpd") === true &&
      /\.[^/]*$/.test(params.get("SCRIPT_NAME") ?? ""),
  },
];

/**
 * Whether Apache has mapped `SCRIPT_NAME` to a file of its own or by a ScriptAlias. Behind
 * mod_proxy_fcgi it has not: SCRIPT_FILENAME is a URL there, or a path of the application's. An
 * authorizer is asked about files that are not its own.
 */
function isApacheScript(params: ParamsView): boolean {
  const root = params.get("CONTEXT_DOCUMENT_ROOT");
  if (root === undefined || params.get("FCGI_ROLE") === "AUTHORIZER") return false;
  const prefix = params.get("CONTEXT_PREFIX") ?? "";
  const script = params.get("SCRIPT_NAME") ?? "";
  return script.startsWith(prefix) &&
    params.get("SCRIPT_FILENAME") === root + script.slice(prefix.length);
}

/** The rows of one kind. */
export function quirksOf<Kind extends Quirk["kind"]>(kind: Kind): Extract<Quirk, { kind: Kind }>[] {
  return QUIRKS.filter((row): row is Extract<Quirk, { kind: Kind }> => row.kind === kind);
}
