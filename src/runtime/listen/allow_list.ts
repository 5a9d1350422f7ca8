/**
 * Who may connect, for all listeners of a server: over TCP the hosts on the list, if there is one.
 *
 * The kind of a listener decides whether the list concerns a connection, not what the peer looks
 * like: one over TCP that resets at once has no address any more (getpeername(2) fails), just as
 * one of a Unix socket never has. Such a peer wants no answer. It is turned away without a word,
 * for health checks are made like that.
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

/** What only this machine reaches. */
const LOOPBACK = new WebServerAddrs(["127.0.0.0/8", "::1"]);

/** The hosts that may connect to the listeners of a server; everybody, if there is no list. */
export class AllowList {
  readonly #onError: (error: unknown) => void;
  readonly #allowed: WebServerAddrs | undefined;
  readonly #isKnown: boolean;
  #hasTold = false;

  /**
   * Takes the list of the option, or else that of the environment.
   *
   * @throws {TypeError} If an entry of the list is no address.
   */
  constructor(entries: readonly string[] | undefined, onError: (error: unknown) => void) {
    this.#onError = onError;
    this.#isKnown = entries !== undefined || mayRead(NAME);
    const list = entries ?? variable(NAME)?.split(",");
    this.#allowed = list === undefined ? undefined : new WebServerAddrs(list);
  }

  /** Opens a listener that turns away whoever is not on the list. */
  async open(
    target: ListenTarget,
    accept: AcceptSocket,
    listen: (target: ListenTarget, accept: AcceptSocket) => Promise<Listener>,
  ): Promise<Listener> {
    const allowed = this.#allowed;
    if (allowed === undefined || "path" in target) return await listen(target, accept);
    // What an inherited socket is shows once it listens. Until then it is taken for the stricter
    // kind.
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
   * Why a server must not stay on an address: others reach it, and Deno does not let it be known
   * who may. A list that somebody has made and nobody reads would leave the door open, and nobody
   * would notice.
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

  /** Once, or else whoever is turned away could fill the log. */
  #tell(address: string): void {
    if (this.#hasTold) return;
    this.#hasTold = true;
    this.#onError(new Error(`Refused a connection: ${address} is not one of the web servers`));
  }
}
