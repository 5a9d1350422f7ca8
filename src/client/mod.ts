/**
 * The web server's half of FastCGI, over any pair of Web Streams.
 *
 * @module
 */
export type { ByteStreams } from "./byte_streams.ts";
export { StreamClient } from "./client.ts";
export type { ClientFetchOptions, ClientOptions, StreamClientOptions } from "./options.ts";
export type { ClientRole } from "./request_bytes.ts";
export type { ClientParams } from "./request_params.ts";
