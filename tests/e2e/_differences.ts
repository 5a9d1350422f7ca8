/**
 * Where a web server does not do what the others do: rows of the table in `examples/README.md`,
 * which the checks look up.
 *
 * The key is what the checks ask for; each way in `_servers.ts` names its own.
 */

/** One row. */
export interface Difference {
  /** What is different, for a reader of the page. */
  what: string;
  why: string;
  /** What restores it, or what an application does about it. */
  remedy: string;
}

/** The rows. */
export const DIFFERENCES = {
  "mount point unknown": {
    what: "`info.scriptName` is empty and `info.pathInfo` the whole path, below a path too",
    why: "The parameters do not say where the application is mounted; URLs are right all the same",
    remedy:
      '`basePath: "/app"`, or `SCRIPT_NAME` and `PATH_INFO` from nginx (`fastcgi_split_path_info`)',
  },
  "first segment taken for the mount point": {
    what: "`info.scriptName` is the first part of the path (`/a` of `/a/b`), at the root of a site",
    why: "The server looks for a script along the path, and takes what is no directory for one",
    remedy: '`"fix-root-scriptname" => "enable"` in lighttpd, or `basePath: "/"`',
  },
  "encoded slash refused": {
    what: "A path with `%2F` is a 404, and the application hears nothing",
    why: "Apache's `AllowEncodedSlashes` is off",
    remedy: "`AllowEncodedSlashes NoDecode`",
  },
  "raw bytes refused": {
    what: "A path with bytes that are not ASCII and not percent-encoded is a 400",
    why: "HAProxy is strict here, and right; browsers encode them",
    remedy: "`option accept-invalid-http-request`, if you must",
  },
  "bytes outside UTF-8 refused": {
    what:
      "A path or a query with bytes that UTF-8 has nowhere (`%C0`, `%C1`, `%F5` to `%FF`) is a 400",
    why: "lighttpd looks for them before anything else",
    remedy: '`server.http-parseopts = ( "url-invalid-utf8-reject" => "disable" )`',
  },
  "port taken out of Host": {
    what: "The `Host` header and the URL have no port, whichever the client has asked",
    why: "Debian's `fastcgi_params` say so (`fastcgi_param HTTP_HOST $host`), for safety",
    remedy:
      "`fastcgi_param HTTP_HOST $http_host`, after the `include`: off ports 80 and 443, forms need it ([nginx](nginx/README.md))",
  },
  "Authorization kept back": {
    what: "No `Authorization` header",
    why: "Apache and HAProxy keep it from CGI programs",
    remedy:
      "`CGIPassAuth On` (Apache, both modules, in `.htaccess` too), `pass-header Authorization` (HAProxy)",
  },
  "cookies joined with a comma": {
    what:
      "Two `Cookie` headers of one HTTP/1.1 request arrive joined with a comma, not a semicolon",
    why:
      "The server joins them like any other header; browsers send one, so only odd clients meet it",
    remedy: "None",
  },
  "empty headers dropped": {
    what: "Headers with an empty value are left out",
    why: "lighttpd does not pass them on",
    remedy: "None",
  },
  "X-Forwarded headers rewritten": {
    what:
      "`X-Forwarded-For`, `-Host` and `-Proto` are always there, with Caddy's own values in place of the client's",
    why: "Caddy is a proxy first, and trusts no client",
    remedy: "`trusted_proxies`, for a proxy in front of Caddy",
  },
  "length required": {
    what: "An upload in chunks is a 411",
    why: "lighttpd that streams uploads wants to know their length first",
    remedy: "Without `server.stream-request-body`, they are taken",
  },
  "large chunked uploads refused": {
    what: "An upload in chunks of more than 16 kB in all is a 400",
    why: "HAProxy collects the chunks in one buffer, for their length",
    remedy:
      "A Content-Length: with one, an upload may have any size. `tune.bufsize 65536`, for 64 kB; with more, HAProxy 2.6 breaks FastCGI",
  },
  "length left out": {
    what: "No `Content-Length` in answers: they go to the client in chunks",
    why: "Apache does not trust the length that an application says, since 2.4.59",
    remedy: "`SetEnv ap_trust_cgilike_cl 1`",
  },
  "streams if asked": {
    what: "A streamed answer waits in buffers, but for server-sent events",
    why: "nginx collects what is small, unless `X-Accel-Buffering: no` goes with it",
    remedy: "The response header `X-Accel-Buffering: no`, or `fastcgi_buffering off`",
  },
  "streams events": {
    what: "A streamed answer waits in a buffer, but for server-sent events",
    why: "Caddy collects 4 kB, unless the Content-Type is `text/event-stream`",
    remedy: "`flush_interval -1`",
  },
  "streams in blocks": {
    what: "A streamed answer waits for a block of 8 kB",
    why: "Apache collects what is small",
    remedy: "`flushpackets=on`",
  },
  "streams never": {
    what: "A streamed answer waits until it is whole (lighttpd), or for 64 kB (mod_fcgid)",
    why: "The server takes it off the application's hands first",
    remedy:
      "`server.stream-response-body = 1` in lighttpd; a smaller `FcgidOutputBufferSize` helps mod_fcgid a little",
  },
  "gone unseen": {
    what:
      "A client that goes is not noticed: the handler works to its end, `request.signal` is silent",
    why:
      "lighttpd reads the answer to its end, whoever waits for it, and HAProxy does on a connection that requests share; they tell the application only at times",
    remedy:
      "`server.stream-response-body = 1` in lighttpd, no `option mpxs-conns` in HAProxy, which make it the next row",
  },
  "gone unseen until the application writes": {
    what: "A client that goes is noticed when the next bytes of the answer cannot be delivered",
    why: "Nobody but nginx watches the client while the application thinks",
    remedy:
      "For long silent answers, write something from time to time (a comment, in server-sent events)",
  },
  "log lines lost": {
    what: "`info.log` and the reasons of errors appear nowhere",
    why: "Caddy 2.6 drops what an application says on its error stream, HAProxy does unless told",
    remedy: "`log-stderr global` in HAProxy's `fcgi-app`; `onError` and `console.error` anywhere",
  },
  "cut bodies look whole": {
    what: "An answer that breaks off looks like a whole one to the client",
    why: "Caddy and a buffering lighttpd end the answer cleanly when the application cannot go on",
    remedy: "A `Content-Length`; `server.stream-response-body = 1` in lighttpd",
  },
  "large cut bodies look whole": {
    what: "A large answer that breaks off looks like a whole one; a small one is a 500",
    why: "mod_fcgid ends what it has begun cleanly when the application cannot go on",
    remedy: "A `Content-Length`",
  },
  "one request at a time for each process": {
    what:
      "As many requests at once as there are processes, and processes share no memory; one ends when a client goes in the middle of its answer",
    why: "mod_fcgid gives a process one request at a time, and starts more processes",
    remedy: "`FcgidMaxProcessesPerClass`; or run the application yourself, behind mod_proxy_fcgi",
  },
} as const satisfies Record<string, Difference>;

/** What a way names and a check asks for. */
export type DifferenceId = keyof typeof DIFFERENCES;
