/** Places for sockets that no other user can connect to. */
import { mkdtempSync, rmdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";

/** Where to listen. */
export type Place = { path: string } | { hostname: string; port: number };

/** A directory for sockets. */
export interface PrivatePlaces {
  /** A new place, which nobody listens on. */
  next(): Place;
  /** Removes all of them; so does the end of the process. */
  remove(): void;
}

/** Makes a directory that only this user can enter; on Windows the places are loopback ports. */
export function privatePlaces(): PrivatePlaces {
  if (process.platform === "win32") {
    return { next: () => ({ hostname: "127.0.0.1", port: 0 }), remove: () => {} };
  }
  const directory = mkdtempSync(join(tmpdir(), "fcgi-"));
  const remove = () => rmSync(directory, { recursive: true, force: true });
  process.once("exit", remove);
  let count = 0;
  return { next: () => ({ path: join(directory, `${++count}.sock`) }), remove };
}

/** Removes the directory of a place, if nobody listens there any more: its maker was killed. */
export function removePlace(place: Place): void {
  if (!("path" in place)) return;
  try {
    rmdirSync(dirname(place.path));
  } catch {
    // Another process is there, or was the last.
  }
}
