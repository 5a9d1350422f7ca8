/** The path of a URL as web servers look it up, and back. */
import { percentDecode } from "./percent_decode.ts";

/** Characters that a path need not encode: `pchar` and `/` (RFC 3986, section 3.3). */
const NOT_PATH = /[^\w.~!$&'()*+,;=:@/-]/g;

/**
 * Decodes a path as web servers do, one code unit per byte: percent-decoded once, slashes merged,
 * and no `..` left, not even an encoded one (`/%2e%2e%2fetc`), since programs make file names of
 * it. It begins with a slash, and ends with one where a directory is meant.
 */
export function decodePath(pathname: string): string {
  const segments: string[] = [];
  const parts = percentDecode(pathname).split("/");
  for (const part of parts) {
    if (part === "..") segments.pop();
    else if (part !== "" && part !== ".") segments.push(part);
  }
  const isDirectory = ["", ".", ".."].includes(parts.at(-1)!) && segments.length > 0;
  return `/${segments.join("/")}${isDirectory ? "/" : ""}`;
}

/** Encodes a decoded path, one code unit per byte, for a URL. */
export function encodePath(path: string): string {
  return path.replace(
    NOT_PATH,
    (unit) => `%${unit.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );
}
