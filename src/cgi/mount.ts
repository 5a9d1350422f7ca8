/**
 * The `mount` option: an application whose routes begin at `/`, mounted below a path.
 *
 * The plan: the mount point is removed from the finished public URL. There dot segments are
 * resolved (`/app/../x` is outside), and the authority cannot change any more: `/app//evil/`
 * becomes `http://host//evil/`, never another host. Only the bytes of the mount point are compared
 * decoded; the rest of the path stays encoded as it is.
 *
 * A request outside the mount point never reaches the application: with its URL unchanged, `/admin`
 * of the site would look like `/app/admin`, which may be all that the web server lets through or
 * protects.
 */
import type { ParamsView } from "./params.ts";
import { isBelow, utf8Bytes } from "./split_path.ts";

// As loaded: applications replace the global.
const { URL } = globalThis;

/**
 * The public URL `url` without the mount point; `null` if it is not at or below it.
 *
 * @param mount The mount point, as returned by `mountPoint`.
 * @throws {TypeError} If `url` is not a valid URL.
 */
export function urlBelowMount(params: ParamsView, url: string, mount: string): string | null {
  const { href } = new URL(url);
  const pathStart = href.indexOf("/", href.indexOf("//") + 2);
  const end = endOfMount(href, pathStart, utf8Bytes(mount));
  if (end === null) return null;
  // In a URL `%2F` is not a slash; for web servers and `PATH_INFO` it is, so that
  // `/app/x%2F..%2F..` leads out. A path counts as below the mount point only if it is there for
  // all of them.
  if (!isBelow(params, mount)) return null;
  return href.slice(0, pathStart) + (href.charCodeAt(end) === SLASH ? "" : "/") + href.slice(end);
}

const SLASH = 0x2f;

/**
 * The offset in a URL at which the mount point ends; `null` if the path does not begin with it, in
 * any percent-encoding, or no segment ends there.
 */
function endOfMount(href: string, pathStart: number, mount: string): number | null {
  let at = pathStart;
  for (let i = 0; i < mount.length; i++) {
    const encoded = /^%[0-9A-Fa-f]{2}/.test(href.slice(at, at + 3));
    const byte = encoded ? parseInt(href.slice(at + 1, at + 3), 16) : href.charCodeAt(at);
    if (byte !== mount.charCodeAt(i) || (encoded && byte === SLASH)) return null;
    at += encoded ? 3 : 1;
  }
  return at === href.length || href[at] === "/" || href[at] === "?" ? at : null;
}
