/** All limits of a connection, as named constants with their reasons. */

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
 * Overhead of a queued body chunk, in bytes, counted in addition to its content: about the memory
 * of its array and its queue entry. Otherwise a client that sends single bytes would fill hundreds
 * of times the memory of the limit.
 */
export const RECORD_OVERHEAD = 256;

/**
 * The high-water mark of a request body, in bytes: beyond it the connection is not read, and the
 * web server holds the rest. As large as the largest record, so that a full one always fits.
 */
export const BODY_HIGH_WATER_MARK: number = 64 * 1024 + RECORD_OVERHEAD;

/**
 * The high-water mark where the connection may carry other requests, which are blocked while it is
 * not read: as much as Go's HTTP/2 server buffers for one stream (`MaxUploadBufferPerStream`). A
 * larger body is an upload, and its handler reads it or is slow.
 */
export const MAX_BUFFERED_BODY_BYTES: number = 1024 * 1024;

/**
 * How long a handler may read nothing of a full body while other requests share the connection, in
 * milliseconds; then its request is given up. Web servers and their clients wait longer for a
 * response (HAProxy's examples: 5 to 50 s), so the other requests are still alive.
 */
export const STALL_TIMEOUT = 2_000;

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
 * The longest tick of the three timeouts above, in milliseconds: they fire up to that much later.
 */
export const MAX_TICK = 1_000;

/** The shortest tick, however short a timeout is. */
export const MIN_TICK = 10;

/**
 * Write backlog, in bytes, beyond which the connection is not read: a peer that does not read
 * responses cannot request more of them. As much as is buffered of a request.
 */
export const MAX_UNSENT_BYTES: number = 1024 * 1024;

/**
 * How long a shutdown waits for the requests in flight, in milliseconds. Docker kills ten seconds
 * after SIGTERM, mod_fcgid after about eight: requests still in flight then are ended before that.
 * (systemd waits 90 s, lighttpd for ever.)
 */
export const SHUTDOWN_TIMEOUT = 7_000;

/**
 * Grace period after that, in milliseconds, used twice: handlers whose `request.signal` has aborted
 * may still answer, then the ends of responses that break off may still be sent.
 */
export const SHUTDOWN_GRACE = 400;

/** Rate limit of reports about faults of peers, in milliseconds; those in between are counted. */
export const REPORT_INTERVAL = 1_000;

/**
 * How long a draining connection waits for a request of which nothing, or only a part of a record,
 * has come, in milliseconds: web servers send as soon as they have connected, Apache and Caddy
 * record by record.
 */
export const FIRST_REQUEST_TIMEOUT = 1_000;

/**
 * Bytes of a response body buffered before the first write, in the hope that its end is among them.
 */
export const FIRST_WRITE_BYTES: number = 32 * 1024;

/**
 * The most bytes of a body that is in memory already, but that the runtime streams in pieces,
 * buffered for the sake of its Content-Length (Bun). The copy lives until the web server has read
 * it.
 */
export const MAX_GATHERED_MEMORY_BYTES: number = 64 * 1024 * 1024;

/**
 * The same for a file, which would not be in memory otherwise: as much as can be read in the time
 * that a request takes to arrive. A handler that sends larger files sets their Content-Length
 * itself.
 */
export const MAX_GATHERED_FILE_BYTES: number = 16 * 1024 * 1024;

/**
 * Turns of the microtask queue that a body read gets before the reply is sent without it. Reads of
 * strings and bytes settle within 2 on every runtime, reads of blobs within 8 on Deno and Bun. A
 * body that waits for anything is a stream, and is sent as one.
 */
export const PROMPT_TURNS = 10;

/**
 * Tasks that it gets after those: Node reads each part of a blob two tasks after the previous one.
 */
export const PROMPT_TASKS = 2;

/**
 * Linger: how long a half-closed connection waits for the peer's end, in milliseconds, discarding
 * input. Closing earlier would reset the connection under an upload, and lose the response with it
 * (nginx: `lingering_timeout 5s`).
 */
export const LINGER_TIMEOUT = 5_000;

/**
 * Linger where input is possible but not certain, from the last input on: a request that crosses
 * our end arrives within one round trip, and the longest on earth take about as long as this. Peers
 * that keep their connections may close them much later (Apache with `enablereuse`: minutes).
 */
export const QUIET_LINGER_TIMEOUT = 300;

/**
 * Interval of probes on a half-closed connection with a silent response, in milliseconds: a
 * response whose client has gone should end within a second, and over TCP that takes two probes,
 * since the first only provokes the reset.
 */
export const PROBE_INTERVAL = 300;
