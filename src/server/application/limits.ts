/** Every limit of a connection: a named constant with its reason. */

/**
 * The most bytes of parameters one request may have; more is answered 431. The largest head a stock
 * web server passes on is lighttpd's and nginx's 64 KiB of PARAMS; Caddy and h2o pass on more.
 */
export const MAX_PARAMS_BYTES: number = 256 * 1024;

/**
 * The most parameters one request may have; more is answered 431. Web servers stop at about 100
 * headers (Apache, HAProxy) to 1,000 (nginx's 64 KiB of short ones), and the `Headers` of every
 * runtime slow down with their number.
 */
export const MAX_PARAMS: number = 1000;

/**
 * The most bytes of a request body; more is answered 413. `Bun.serve` has the same
 * (`maxRequestBodySize`). The web server stops its clients sooner where it has a limit (nginx 1
 * MB); lighttpd, Caddy and HAProxy have none, and `request.text()` takes whatever comes into
 * memory.
 */
export const MAX_BODY_BYTES: number = 128 * 1024 * 1024;

/**
 * The most requests at once on one connection; the next is answered 503. HAProxy's default for a
 * server is 100. An aborted one counts until its handler has settled, as in `maxRequests`.
 */
export const MAX_REQUESTS_PER_CONNECTION = 100;

/**
 * The most connections served at once; an idle one makes room for the next, whose first request is
 * answered 503 if there is none. More than stock web servers open (nginx on Debian 768 a worker,
 * lighttpd 1,024, Apache 400), so that only what has run away meets it; and no more than the open
 * files a process may have on an old system (all three runtimes raise their soft limit to the hard
 * one), for beyond those nobody is answered at all.
 */
export const MAX_CONNECTIONS = 4096;

/**
 * The most requests at once on all connections; the next is answered 503. As many as there are
 * connections: web servers have one request on each and never meet it. HAProxy with `mpxs-conns`
 * could have a hundred on each. A request counts until its handler has settled: whoever asks and
 * resets, again and again, would otherwise have handlers without number (CVE-2023-44487 is the same
 * over HTTP/2).
 */
export const MAX_REQUESTS = 4096;

/**
 * What a record in the queue of a body counts beside its content, in bytes: about what its array
 * and its place cost. A client that sends single bytes would otherwise fill hundreds of times the
 * memory that the limit names.
 */
export const RECORD_OVERHEAD = 256;

/**
 * Bytes of a request body that may wait unread before the connection stops reading: the web server
 * then holds the rest. As large as the largest record, so that a full one always fits.
 */
export const BODY_HIGH_WATER_MARK: number = 64 * 1024 + RECORD_OVERHEAD;

/**
 * The same where the connection may carry other requests, which wait when it is not read: as much
 * as Go's HTTP/2 server takes for one stream (`MaxUploadBufferPerStream`). What is larger is an
 * upload, and its handler reads or is slow.
 */
export const MAX_BUFFERED_BODY_BYTES: number = 1024 * 1024;

/**
 * How long a handler may read nothing of a full body while other requests share the connection, in
 * milliseconds; then it is given up. Web servers and their clients wait longer for an answer
 * (HAProxy's examples: 5 to 50 s), so the others are still wanted.
 */
export const STALL_TIMEOUT = 2_000;

/**
 * How long the parameters of a request may take, in milliseconds, from its first byte on, or on a
 * new connection from the accept on. Web servers have the whole head before they connect and send
 * it at once; a browser gets as long from Apache (mod_reqtimeout: `header=20`). A connection that
 * is kept and idle has no request, and stays.
 */
export const PARAMS_TIMEOUT = 20_000;

/**
 * How long a handler may give nothing, in milliseconds: for ever, as in php-fpm
 * (`request_terminate_timeout = 0`). What is long is the application's to know, and the web server
 * in front has its own answer (nginx, Apache, HAProxy: 504 after 60 s by default or by habit).
 */
export const HANDLER_TIMEOUT = 0;

/**
 * How long the web server may take nothing of what is written, in milliseconds. As long as the most
 * patient of them waits for its own client (lighttpd: `server.max-write-idle`; nginx and Apache: 60
 * s), so that they decide first.
 */
export const WRITE_TIMEOUT = 360_000;

/**
 * The longest time between two looks at the clock for the three above, in milliseconds: they end
 * that much later.
 */
export const MAX_TICK = 1_000;

/** The shortest one, however short a timeout is. */
export const MIN_TICK = 10;

/**
 * Bytes written that the transport has not taken, before the connection is not read any more: a
 * peer that does not read gets no more answers to make. As much as it may make us hold of a
 * request.
 */
export const MAX_UNSENT_BYTES: number = 1024 * 1024;

/**
 * How long a shutdown waits for what is in flight, in milliseconds. Docker kills ten seconds after
 * SIGTERM, mod_fcgid after about eight: what has not ended by then ends our way. (systemd waits 90
 * s, lighttpd for ever.)
 */
export const SHUTDOWN_TIMEOUT = 7_000;

/**
 * What comes after that, in milliseconds, and twice: handlers whose `request.signal` has aborted
 * may still answer, then the answers that break off may still leave.
 */
export const SHUTDOWN_GRACE = 400;

/**
 * Faults of peers are reported no more often than this, in milliseconds; those between are counted.
 */
export const REPORT_INTERVAL = 1_000;

/**
 * How long a connection that is to end waits for a request of which nothing, or only a part of a
 * record, has come, in milliseconds: web servers send at once when they have connected, Apache and
 * Caddy record by record.
 */
export const FIRST_REQUEST_TIMEOUT = 1_000;

/**
 * Bytes of a response body gathered before the first write, in the hope that its end comes with
 * them.
 */
export const FIRST_WRITE_BYTES: number = 32 * 1024;

/**
 * The most bytes of a body that is in memory already, and that the runtime gives in pieces,
 * gathered for the sake of its Content-Length (Bun). Its copy lives until the web server has taken
 * it.
 */
export const MAX_GATHERED_MEMORY_BYTES: number = 64 * 1024 * 1024;

/**
 * The same of a file, which would not be in memory otherwise: what takes no longer to read than a
 * request to come. A handler that sends larger ones says their length itself.
 */
export const MAX_GATHERED_FILE_BYTES: number = 16 * 1024 * 1024;

/**
 * Turns of the microtask queue a body read gets before the reply goes out without it. Bodies made
 * from strings and bytes answer within 2 on every runtime, those made from blobs within 8 on Deno
 * and Bun. A body that waits for anything is a stream, and is sent as one.
 */
export const PROMPT_TURNS = 10;

/** Tasks it gets after those: Node reads each part of a blob two tasks after the one before. */
export const PROMPT_TASKS = 2;

/**
 * How long a closed sending side waits at the most for the peer's own end, in milliseconds,
 * discarding what still comes. Closing earlier resets the connection under an upload, and the
 * answer is lost with it (nginx: `lingering_timeout 5s`).
 */
export const LINGER_TIMEOUT = 5_000;

/**
 * The same where nothing is on its way for sure, from the last that came: a request that crosses
 * our end is here within one round trip, and the longest on earth take about as long as this. Peers
 * that keep their connections may close them at their leisure (Apache with `enablereuse`: minutes
 * later).
 */
export const QUIET_LINGER_TIMEOUT = 300;

/**
 * How often a half-closed connection with a silent response is probed, in milliseconds: a response
 * whose client has gone is to end within a second, and over TCP it takes two probes, for the first
 * only draws the reset.
 */
export const PROBE_INTERVAL = 300;
