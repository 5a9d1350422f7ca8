/**
 * The web server's half of FastCGI: sends a `Request` to a FastCGI application (php-fpm, a program
 * made with this module, anything behind a Unix or TCP socket) and turns its reply into a
 * `Response`.
 *
 * ```ts ignore
 * import { FastCgiClient } from "@fastcgi/serve/client";
 *
 * await using php = new FastCgiClient({ path: "/run/php/php-fpm.sock" });
 * const response = await php.fetch(new Request("http://localhost/hello.php"), {
 *   params: { SCRIPT_FILENAME: "/var/www/html/hello.php" },
 * });
 * console.log(response.status, await response.text());
 * ```
 *
 * @module
 */
export type { BodySpool } from "./body_spool.ts";
export type { ByteReader, ByteStreams } from "./byte_streams.ts";
export { StreamClient } from "./client.ts";
export { FastCgiClient, type FastCgiClientOptions } from "./fastcgi_client.ts";
export { gateway, type GatewayHandler } from "./gateway.ts";
export type { GatewayOptions, GatewayParams } from "./gateway/options.ts";
export type { GatewayPeer } from "./gateway/peer.ts";
export { type Gateway, serveGateway, type ServeGatewayOptions } from "./serve_gateway.ts";
export type { ClientFetchOptions, ClientOptions, StreamClientOptions } from "./options.ts";
export type { ClientRole } from "./role.ts";
export type { ClientParams, ClientParamValue } from "./request_params.ts";
export { connect, type ConnectAddress, type SocketStreams } from "../runtime/connect.ts";
