/** What the scripts of `apps/php/` answer, and what they send. */
import { createHash } from "node:crypto";
import { Hash } from "./_content.ts";

/** What `echo.php` answers: what PHP was given. Bytes that are no UTF-8 are `\344` in texts. */
export interface Echo {
  server: Record<string, string>;
  get: Record<string, string>;
  post: Record<string, string>;
  cookie: Record<string, string>;
  files: Record<
    string,
    { name: string; type: string; size: number; error: number; sha256: string | null }
  >;
  /** `php://input`, which is empty where the body was a form of several parts. */
  input: { length: number; sha256: string };
}

/** The body that a script has read, as `hashOf` has it. */
export const inputOf = ({ input }: Echo): string => `${input.length} bytes, ${input.sha256}`;

/** {@link Hash} of what `download.php` sends. */
export function downloadHash(bytes: number): string {
  const hash = new Hash();
  for (let i = 0; i < bytes / 65536; i++) {
    const digest = createHash("sha256").update(String(i)).digest();
    const part = new Uint8Array(65536);
    for (let at = 0; at < part.length; at += digest.length) part.set(digest, at);
    hash.add(part);
  }
  return String(hash);
}
