/**
 * The states of a connection, in their order:
 * - `open`: records are read
 * - `draining`: the same, but the connection ends as soon as no request is left
 * - `ending`: our end is on its way, behind what was written; what still comes is dropped
 * - `lingering`: our end is out; what may still come of the peer is awaited
 * - `closed`: both sides are
 */
export type ConnectionState = "open" | "draining" | "ending" | "lingering" | "closed";

/** The peer's input: records, bytes that are none, or nothing any more. */
export type InputState = "open" | "unreadable" | "ended";
