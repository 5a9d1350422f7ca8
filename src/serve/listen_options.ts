/** The address options of `serve()`, one kind of address each. */

/** The address of `serve()`: one of three kinds, or none, and it is detected. */
export type ListenOptions = ListenOnPath | ListenOnPort | ListenOnDescriptor;

/** Listens on a Unix socket. */
export interface ListenOnPath {
  /** Listens on a Unix socket at this path. */
  path: string;
  /**
   * The mode of the socket file at `path`, in force before the first connection: `0o660` lets the
   * group connect.
   *
   * @default what the umask leaves of 0o777
   */
  mode?: number;
  /**
   * The owner of the socket file at `path`, by name (in /etc/passwd) or number, in force before the
   * first connection. Only root may set another user. On Deno a name needs
   * `--allow-read=/etc/passwd`.
   *
   * @default the user of the process
   */
  owner?: string | number;
  /**
   * The group of the socket file at `path`, by name (in /etc/group) or number, in force before the
   * first connection: with the mode `0o660` its members may connect. Users other than root may set
   * a group that the process belongs to. On Deno a name needs `--allow-read=/etc/group`.
   *
   * @default the group of the process, or that of the directory where it has the setgid bit
   */
  group?: string | number;
  /** There is one address. */
  fd?: undefined;
  /** There is one address. */
  port?: undefined;
  /** There is one address. */
  hostname?: undefined;
}

/** Listens on TCP; without a port and a hostname the address is detected. */
export interface ListenOnPort {
  /**
   * Listens on this TCP port; 0 lets the system choose.
   *
   * @default 9000, when there is no other address and no inherited socket
   */
  port?: number;
  /**
   * Listens on this address of the machine: an IP address or a host name. All interfaces are
   * `"0.0.0.0"` or `"::"`; no shorter form is accepted.
   *
   * @default "127.0.0.1"
   */
  hostname?: string;
  /** There is one address. */
  path?: undefined;
  /** For the socket file of a path. */
  mode?: undefined;
  /** For the socket file of a path. */
  owner?: undefined;
  /** For the socket file of a path. */
  group?: undefined;
  /** There is one address. */
  fd?: undefined;
}

/** Listens on an inherited socket. */
export interface ListenOnDescriptor {
  /** Listens on this file descriptor, a listening socket that the program has inherited. */
  fd: number;
  /** There is one address. */
  path?: undefined;
  /** For the socket file of a path. */
  mode?: undefined;
  /** For the socket file of a path. */
  owner?: undefined;
  /** For the socket file of a path. */
  group?: undefined;
  /** There is one address. */
  port?: undefined;
  /** There is one address. */
  hostname?: undefined;
}
