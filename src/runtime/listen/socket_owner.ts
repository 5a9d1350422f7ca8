/**
 * The owner of a socket file, and who may connect because of it. Names of users and groups come
 * from the files that every Unix system has. Directories (LDAP, systemd's dynamic users) have more;
 * those are shown by number here.
 */
import { readFileSync } from "node:fs";
import { isGranted } from "../deno.ts";
import { ListenError } from "./listen_error.ts";
import type { SocketFile, SocketOwner } from "./listener.ts";

/** A {@link SocketOwner} by number. */
export interface SocketOwnerIds {
  readonly uid?: number;
  readonly gid?: number;
}

/** The files with the names: each line is `name:password:number:...` (passwd(5), group(5)). */
const FILES = { user: "/etc/passwd", group: "/etc/group" } as const;
type Kind = keyof typeof FILES;

/** @throws {ListenError} If the name does not exist, or the file may not be read. */
export function idsOf({ owner, group }: SocketOwner): SocketOwnerIds {
  return {
    uid: owner === undefined ? undefined : idOf("user", owner),
    gid: group === undefined ? undefined : idOf("group", group),
  };
}

function idOf(kind: Kind, name: string | number): number {
  if (typeof name === "number" || /^\d+$/.test(name)) return Number(name);
  const lines = linesOf(kind);
  if (lines === undefined) {
    const flag = "Deno" in globalThis ? `run deno with --allow-read=${FILES[kind]}, or ` : "";
    throw new ListenError(
      "EACCES",
      `To find the ${kind} "${name}", ${FILES[kind]} must be read; ${flag}give its number`,
    );
  }
  const id = lines.find(([other]) => other === name)?.[2];
  if (id !== undefined && /^\d+$/.test(id)) return Number(id);
  throw new ListenError(
    "EINVAL",
    `There is no ${kind} "${name}" in ${FILES[kind]}; give one that is there, or a number`,
  );
}

/** Describes, for people, who may connect to a socket, which needs write permission (unix(7)). */
export function describeAccess({ mode, uid, gid }: SocketFile): string {
  const [user, group] = [nameOf("user", uid), nameOf("group", gid)];
  // Root may, whatever the mode.
  const may = { user: uid === 0 || (mode & 0o200) !== 0, group: (mode & 0o020) !== 0 };
  const permissions = (mode & 0o7777).toString(8).padStart(4, "0");
  const isFor = (mode & 0o002) !== 0
    ? except([...may.user ? [] : [user], ...may.group ? [] : [`group ${group}`]])
    : only([...may.user ? [user] : [], ...may.group ? [`group ${group}`] : []], user);
  return `mode ${permissions}, ${user}:${group}: ${isFor} may connect`;
}

function except(names: string[]): string {
  return names.length === 0 ? "everybody" : `everybody but ${names.join(" and ")}`;
}

function only(names: string[], user: string): string {
  if (names.length === 0) return "nobody but root";
  return names.join() === user ? "nobody else" : `only ${names.join(" and ")}`;
}

/** The name of an id, or the id where it has no name or the names may not be read. */
function nameOf(kind: Kind, id: number): string {
  return linesOf(kind)?.find(([, , other]) => other === String(id))?.[0] ?? String(id);
}

/**
 * The fields of every line; `undefined` where the file may not be read. The permission is queried
 * first, or else Deno would prompt.
 */
function linesOf(kind: Kind): string[][] | undefined {
  const path = FILES[kind];
  if (!isGranted({ name: "read", path })) return undefined;
  try {
    return readFileSync(path, "utf8").split("\n").map((line) => line.split(":"));
  } catch {
    return undefined;
  }
}
