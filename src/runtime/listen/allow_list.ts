/**
 * Access control for all listeners of a server: over TCP only the hosts on the allow list, if there
 * is one, may connect.
 *
 * The transport of the listener decides whether the list applies to a connection, not the peer's
 * address: a TCP peer that resets at once has no address any more (getpeername(2) fails), just as a
 * peer on a Unix socket never has one. Such a peer wants no answer. It is refused without a report,
 * since health checks look like that.
 */
import { mayRead, variable } from "../environment.ts";
import {
  type AcceptSocket,
  type Listener,
  type ListenTarget,
  nameOfTarget,
  refuse,
} from "./listener.ts";
import { WebServerAddrs } from "./web_server_addrs.ts";

/** The variable of FastCGI 1.0, section 3.2. */
const NAME = "FCGI_WEB_SERVER_ADDRS";

/** Addresses that only this machine reaches. */
const LOOPBACK = new WebServerAddrs(["127.0.0.0/8", "::1"]);

/** The hosts that may connect to the listeners of a server; without a list, all of them. */
export class AllowList {
  readonly #onError: (error: unknown) => void;
  readonly #allowed: WebServerAddrs | undefined;
  readonly #isKnown: boolean;
  #hasTold = false;

  /**
   * Takes the list from the option, or else from the environment.
   *
   * @throws {TypeError} If an entry of the list is not an address.
   */
  constructor(entries: readonly string[] | undefined, onError: (error: unknown) => void) {
    this.#onError = onError;
    this.#isKnown = entries !== undefined || mayRead(NAME);
    const list = entries ?? variable(NAME)?.split(",");
    this.#allowed = list === undefined ? undefined : new WebServerAddrs(list);
  }

  /** Opens a listener that refuses hosts that are not on the list. */
  async open(
    target: ListenTarget,
    accept: AcceptSocket,
    listen: (target: ListenTarget, accept: AcceptSocket) => Promise<Listener>,
  ): Promise<Listener> {
    const allowed = this.#allowed;
    if (allowed === undefined || "path" in target) return await listen(target, accept);
    // The transport of an inherited socket is known once it listens. Until then it counts as the
    // stricter one.
    let transport = "tcp";
    const listener = await listen(target, (socket) => {
      if (transport === "unix") return accept(socket);
      const { remoteAddress } = socket;
      if (remoteAddress !== undefined) {
        if (allowed.has(remoteAddress)) return accept(socket);
        this.#tell(remoteAddress);
      }
      return refuse(socket);
    });
    transport = listener.address.transport;
    return listener;
  }

  /**
   * The error of a server that must not stay on an address: other machines reach it, and Deno has
   * no permission to read the allow list. Ignoring a list that an administrator has set would leave
   * the port open unnoticed.
   */
  refusal({ address }: Listener): Error | undefined {
    if (this.#isKnown || address.transport !== "tcp" || LOOPBACK.has(address.hostname)) return;
    return new Error(
      `Cannot listen on ${
        nameOfTarget(address)
      }: other machines reach it, and who may connect is not known. ` +
        `Run deno with --allow-env=${NAME}, or give webServerAddrs`,
    );
  }

  /** Reports a refusal, once: otherwise a refused host could fill the log. */
  #tell(address: string): void {
    if (this.#hasTold) return;
    this.#hasTold = true;
    this.#onError(new Error(`Refused a connection: ${address} is not one of the web servers`));
  }
}
