/**
 * The website of a gateway: an application, and files beside it.
 *
 * A request goes down `answer`: it is read, its way is found, and either a file or the application
 * answers. `respond` is around it, and makes a response of whatever goes wrong.
 */
import { decodePath } from "../../cgi/decode_path.ts";
import { tell } from "../../log/tell.ts";
import type { FoundFile } from "../../runtime/files.ts";
import type { StreamClient } from "../client.ts";
import { exitStatus } from "../errors.ts";
import { passOn } from "../pass_on.ts";
import { type Look, NotReadable } from "./document_root.ts";
import { failureStatus, isGone } from "./failure.ts";
import { fileType } from "./file_type.ts";
import { originOf } from "./forwarded.ts";
import type { GatewayOptions, SiteOptions } from "./options.ts";
import { type GatewayPeer, peerOf, type ServerInfo } from "./peer.ts";
import { type ReadRequest, readRequest } from "./read_request.ts";
import { type Route, route } from "./route.ts";
import { sendFile } from "./send_file.ts";
import { mergeParams, originParams, pathParams } from "./site_params.ts";
import { statusPage } from "./status_page.ts";

// As loaded: applications replace the global.
const { Response } = globalThis;

type ErrorHandler = NonNullable<GatewayOptions["onError"]>;

/** Methods that the Fetch standard forbids, and web servers refuse: they are for proxies. */
const REFUSED = ["CONNECT", "TRACE", "TRACK"];

/** A website. */
export class Site {
  readonly #client: StreamClient;
  readonly #options: SiteOptions;
  readonly #onError: ErrorHandler;

  constructor(client: StreamClient, options: SiteOptions, onError: ErrorHandler) {
    this.#client = client;
    this.#options = options;
    this.#onError = onError;
  }

  /**
   * Answers a request.
   *
   * @param info What the HTTP server gives a handler beside the request.
   * @param own Where the HTTP server listens, if that is known.
   */
  async respond(request: Request, info: unknown, own?: GatewayPeer): Promise<Response> {
    const known: ServerInfo = typeof info === "object" && info !== null ? info : {};
    try {
      if (REFUSED.includes(request.method.toUpperCase())) return statusPage(405);
      const read = readRequest(request, known);
      if (read === undefined) return statusPage(400);
      return await this.#answer(read, peerOf(request, known), own);
    } catch (error) {
      if (error instanceof NotReadable) return statusPage(error.status);
      tell(() => this.#onError(error, { request }));
      return statusPage(500);
    }
  }

  async #answer(
    { request, url }: ReadRequest,
    peer: GatewayPeer,
    own: GatewayPeer | undefined,
  ): Promise<Response> {
    const path = decodePath(url.pathname);
    // No file name and no variable of CGI can have it.
    if (path.includes("\0")) return statusPage(400);
    const found = this.#find(path, url.search.slice(1));
    switch (found.kind) {
      case "status":
        return statusPage(found.status);
      case "redirect":
        return redirect(found.path + url.search);
      case "file":
        return this.#sendFile(request, found.file);
    }
    const origin = originOf(request.headers, peer, this.#options.trusted);
    const params = mergeParams(
      [originParams(url, origin, own), pathParams(found, this.#options.root?.path)],
      await this.#options.params(request, origin.peer),
    );
    const report = (error: unknown) => this.#onError(error, { request });
    try {
      return await passOn(this.#client, request, params, {
        onBreak: report,
        onEnd: (appStatus) => appStatus !== 0 && report(exitStatus(appStatus)),
      });
    } catch (error) {
      return await this.#passedOnInVain(error, request);
    }
  }

  #find(path: string, args: string): Route {
    const { layout, root } = this.#options;
    return route(path, args, layout, root === undefined ? NO_FILES : root.view());
  }

  #sendFile(request: Request, found: FoundFile): Response {
    const file = this.#options.root!.open(found);
    return sendFile(request, file, fileType(found.realPath));
  }

  async #passedOnInVain(error: unknown, request: Request): Promise<Response> {
    const status = failureStatus(error);
    const isTold = status !== 413 && status !== 503;
    if (!await isGone(request) && isTold) tell(() => this.#onError(error, { request }));
    return statusPage(status);
  }
}

const NO_FILES: Look = () => undefined;

/** The query stays. The path begins with one slash: with two it would be another host. */
function redirect(target: string): Response {
  return new Response(null, { status: 301, headers: { location: target } });
}
