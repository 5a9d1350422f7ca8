import type { Opened } from "./listen.ts";
import { type Listener, nameOfTarget } from "./listener.ts";
import { describeAccess } from "./socket_owner.ts";

/**
 * The line printed at start: the address, and for one that the program did not name, the reason for
 * it and how to choose another.
 */
export function lineAtStart({ listeners, reason, doubt }: Opened): string {
  const places = listeners.map(nameOf);
  const last = places.pop();
  const place = places.length === 0 ? last : `${places.join(", ")} and ${last}`;
  const why = reason === undefined
    ? ""
    : ` (${reason}; another with { path } or { port }${doubt ? `; ${doubt}` : ""})`;
  return `Serving FastCGI on ${place}${why}`;
}

function nameOf({ address, file }: Listener): string {
  if (address.transport === "tcp") return nameOfTarget(address);
  const name = address.path || "an inherited socket";
  return file === undefined ? name : `${name} (${describeAccess(file)})`;
}
