import type { ByteReader } from "./byte_streams.ts";

/** A place outside of memory for a request body, such as a temporary file. */
export interface BodySpool {
  /** Appends bytes; they may be changed after it has resolved. */
  write(bytes: Uint8Array): Promise<void>;
  /** Reads what was written, once. Its end, or `cancel`, gives the place back. */
  read(): ByteReader;
  /** Gives the place back unread. */
  discard(): void;
}
