/**
 * The states of a connection, in their order:
 * - `open`: records are read
 * - `draining`: records are read, but the connection ends as soon as no request is left
 * - `ending`: our end is queued behind the output; input is discarded
 * - `lingering`: our end has been sent (half-closed); input is awaited and discarded
 * - `closed`: both sides are closed
 */
export type ConnectionState = "open" | "draining" | "ending" | "lingering" | "closed";

/** The peer's input: records, bytes that cannot be decoded, or ended. */
export type InputState = "open" | "unreadable" | "ended";
