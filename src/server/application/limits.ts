/** The defaults of the options, and the limits that several files know, each with its reason. */

/**
 * The most bytes of parameters in one request; more is answered 431. The largest header block that
 * a stock web server passes on is lighttpd's and nginx's 64 KiB of PARAMS; Caddy and h2o pass on
 * more.
 */
export const MAX_PARAMS_BYTES: number = 256 * 1024;

/**
 * The most parameters in one request; more is answered 431. Web servers stop at about 100 headers
 * (Apache, HAProxy) to 1,000 (nginx's 64 KiB of short ones), and the `Headers` of every runtime get
 * slower with their number.
 */
export const MAX_PARAMS: number = 1000;

/**
 * The most bytes of a request body; more is answered 413. `Bun.serve` has the same
 * (`maxRequestBodySize`). A web server with a limit refuses its clients sooner (nginx 1 MB);
 * lighttpd, Caddy and HAProxy have none, and `request.text()` reads the whole body into memory.
 */
export const MAX_BODY_BYTES: number = 128 * 1024 * 1024;

/**
 * The most requests at once on one connection; the next is answered 503. HAProxy's default for a
 * server is 100. An aborted request counts until its handler has settled, as in `maxRequests`.
 */
export const MAX_REQUESTS_PER_CONNECTION = 100;

/**
 * The most connections served at once; the next replaces an idle one, or if none is idle, its first
 * request is answered 503. More than stock web servers open (nginx on Debian 768 a worker, lighttpd
 * 1,024, Apache 400), so only a runaway peer reaches it; and no more than the open files of a
 * process on an old system (all three runtimes raise their soft limit to the hard one), since
 * beyond those no connection is accepted at all.
 */
export const MAX_CONNECTIONS = 4096;

/**
 * The most requests at once on all connections; the next is answered 503. As many as connections:
 * web servers have one request on each and never reach it. HAProxy with `mpxs-conns` could have a
 * hundred on each. A request counts until its handler has settled: otherwise a peer that requests
 * and resets, again and again, could start any number of handlers (rapid reset, CVE-2023-44487, is
 * the same over HTTP/2).
 */
export const MAX_REQUESTS = 4096;

/**
 * The high-water mark of a request body where the connection may carry other requests, which are
 * blocked while it is not read: as much as Go's HTTP/2 server buffers for one stream
 * (`MaxUploadBufferPerStream`). A larger body is an upload, and its handler reads it or is slow.
 */
export const MAX_BUFFERED_BODY_BYTES: number = 1024 * 1024;

/**
 * How long the parameters of a request may take, in milliseconds, from its first byte on, or on a
 * new connection from the accept on. Web servers have the complete header before they connect, and
 * send it at once; a browser gets as long from Apache (mod_reqtimeout: `header=20`). An idle kept
 * connection has no request, and stays.
 */
export const PARAMS_TIMEOUT = 20_000;

/**
 * How long a handler may make no progress, in milliseconds: without limit, as in php-fpm
 * (`request_terminate_timeout = 0`). Only the application knows how long is too long, and the web
 * server in front has its own limit (nginx, Apache, HAProxy: 504 after 60 s by default or by
 * habit).
 */
export const HANDLER_TIMEOUT = 0;

/**
 * How long writes may make no progress, in milliseconds. As long as the most patient web server
 * waits for its own client (lighttpd: `server.max-write-idle`; nginx and Apache: 60 s), so that the
 * web server decides first.
 */
export const WRITE_TIMEOUT = 360_000;

/**
 * How long a shutdown waits for the requests in flight, in milliseconds. Docker kills ten seconds
 * after SIGTERM, mod_fcgid after about eight: requests still in flight then are ended before that.
 * (systemd waits 90 s, lighttpd for ever.)
 */
export const SHUTDOWN_TIMEOUT = 7_000;

/**
 * How long a draining connection waits for a request of which nothing, or only a part of a record,
 * has come, in milliseconds: web servers send as soon as they have connected, Apache and Caddy
 * record by record.
 */
export const FIRST_REQUEST_TIMEOUT = 1_000;
