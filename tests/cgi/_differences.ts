/**
 * Where the same HTTP request does not become the same `Request` behind every web server: what
 * differs, why it cannot be mended here, and what the administrator can do. No page prints this
 * table: the one in `examples/README.md` is that of `../e2e/_differences.ts`, about the web servers
 * as installed. `web_servers_test.ts` checks this one against the captures, row by row.
 */
import type { Change } from "./_requests.ts";

/** One difference. */
export interface Difference {
  /** The web servers, as people call them. */
  readonly servers: string;
  readonly what: string;
  readonly why: string;
  readonly remedy: string;
  /**
   * Where it shows: `nginx` is nginx in its plain way, `nginx/split` one of its other
   * configurations, `nginx/*` all of them; then the request (`*` for all), and what it is then.
   */
  readonly shows: readonly (readonly [where: readonly string[], Record<string, Change>])[];
}

const NONE = "None is needed";
const noHost = (host: string): Change => ({ url: `http://${host}/app/x` });

export const DIFFERENCES: readonly Difference[] = [
  {
    servers: "Apache (mod_proxy_fcgi), HAProxy",
    what: "No Authorization header",
    why: "They strip it, so that programs do not see passwords",
    remedy:
      "Apache: `CGIPassAuth On`. HAProxy: `pass-header authorization` in the fcgi-app section",
    shows: [[
      [
        "apache",
        "apache/generic",
        "apache/sethandler",
        "apache/unixpass",
        "apache/authnz_fcgi",
        "haproxy",
        "haproxy/split",
      ],
      {
        "authorization": { headers: { authorization: null } },
        "authorization.1": { headers: { authorization: null } },
        "authorization-bearer": { headers: { authorization: null } },
        "authn-and-authz": { headers: { authorization: null } },
        "authn-and-authz.1": { headers: { authorization: null } },
        "checkauthn-authorization": { headers: { authorization: null } },
      },
    ]],
  },
  {
    servers: "nginx with Debian's fastcgi_params",
    what:
      "The Host header, and so the URL, without its port, in lower case, without a dot at its end",
    why: "Debian's file sends `HTTP_HOST $host`, which is nginx's cleaned name",
    remedy:
      "`fastcgi_param HTTP_HOST $http_host;` after the include, as nginx.org's file leaves it",
    shows: [[["nginx"], {
      "host-port": { url: "http://example.org/app/x", headers: { host: "example.org" } },
      "host-ipv6": { url: "http://[::1]/app/x", headers: { host: "[::1]" } },
      "host-upper": { url: "http://example.org/app/x", headers: { host: "example.org" } },
      "absolute-form": { url: "http://abs.example/app/x?q=1", headers: { host: "abs.example" } },
      "h2": {
        url: "https://localhost/app/hello%20w%C3%B6rld?x=1",
        headers: { host: "localhost" },
      },
      "h2-post-nolen": { url: "https://localhost/app/x", headers: { host: "localhost" } },
      "h2-post-slow": { url: "https://localhost/app/x", headers: { host: "localhost" } },
      "http10-nohost": { headers: { host: "localhost" } },
      "http09": { headers: { host: "localhost" } },
    }]],
  },
  {
    servers: "nginx with nginx.org's fastcgi_params",
    what:
      "The host of the Host header, where the request line names another one in an absolute URL",
    why: "nginx sends REQUEST_URI without the host, and the Host header as it came",
    remedy: "`fastcgi_param HTTP_HOST $host;`, if proxies send such requests",
    shows: [[["nginx/upstream"], {
      "absolute-form": {
        url: "http://other.example/app/x?q=1",
        headers: { host: "other.example" },
      },
    }]],
  },
  {
    servers: "lighttpd",
    what: "The Host header in lower case, without a dot at its end",
    why: "lighttpd normalises it",
    remedy: NONE,
    shows: [[["lighttpd"], {
      "host-upper": { url: "http://example.org/app/x", headers: { host: "example.org" } },
    }]],
  },
  {
    servers: "All",
    what:
      "The host of a request that names none (HTTP/1.0) is the server's own name, with its port",
    why: "There is no other; each server knows another name of itself",
    remedy: "Configure the server's name (`server_name`, `ServerName`)",
    shows: [
      [["nginx/upstream"], { "http10-nohost": noHost("localhost:8102") }],
      [["lighttpd"], { "http10-nohost": noHost("localhost:8201") }],
      [["apache"], {
        "http10-nohost": noHost("localhost:8301"),
        "http09": noHost("localhost:8301"),
      }],
      [["mod_fcgid"], { "http10-nohost": noHost("localhost:8321") }],
      [["haproxy"], {
        "http10-nohost": noHost("127.0.0.1:8501"),
        "http11-nohost": noHost("127.0.0.1:8501"),
        "host-empty": noHost("127.0.0.1:8501"),
      }],
    ],
  },
  {
    servers: "Apache, mod_fcgid, Caddy",
    what: "Cookies that came in several header lines are joined by a comma",
    why: "They join them as any other header, and no longer tell them apart",
    remedy: "None; browsers send one line, and HTTP/2 requests are joined rightly",
    shows: [[["apache/*", "mod_fcgid", "caddy"], {
      "dup-headers": { headers: { cookie: "a=1, b=2" } },
    }]],
  },
  {
    servers: "nginx, Apache, mod_fcgid, HAProxy",
    what: "No headers with `_`, `.` or other signs in their names",
    why: "They drop them, for as parameters such names would be mistaken for others",
    remedy: "nginx: `underscores_in_headers on` or `ignore_invalid_headers off`",
    shows: [[["nginx", "nginx/upstream", "apache", "mod_fcgid", "haproxy"], {
      "odd-names": {
        headers: { "x-under-score": null, "x.dot.name": null, "x-tok!#$%&'*+^`|~9": null },
      },
      "clash-names": { headers: { "x-foo": "dash", "x.foo": null } },
    }]],
  },
  {
    servers: "lighttpd",
    what: "Headers with odd signs in their names come with `-` for each",
    why: "It writes `_` for every sign that is no letter or digit",
    remedy: "None",
    shows: [[["lighttpd"], {
      "odd-names": {
        headers: {
          "x.dot.name": null,
          "x-dot-name": "d",
          "x-tok!#$%&'*+^`|~9": null,
          "x-tok------------9": "t",
        },
      },
      "clash-names": { headers: { "x-foo": "dash, under, dot", "x.foo": null } },
    }]],
  },
  {
    servers: "Caddy",
    what: "Of two headers that differ only in `-` and `_`, one is lost, and chance says which",
    why: "It collects the parameters in a map without an order",
    remedy: "None",
    shows: [[["caddy"], { "clash-names": { headers: { "x-foo": "under" } } }]],
  },
  {
    servers: "lighttpd",
    what: "No headers with an empty value",
    why: "It drops them",
    remedy: NONE,
    shows: [[["lighttpd"], {
      "empty-header": { headers: { "x-empty": null } },
      "empty-ua": { headers: { accept: null, cookie: null, referer: null, "user-agent": null } },
    }]],
  },
  {
    servers: "lighttpd, HAProxy",
    what: "A header folded over several lines keeps its white space",
    why: "They replace only the line ends; nginx refuses such requests",
    remedy: NONE,
    shows: [[["lighttpd", "haproxy"], { "fold-header": { headers: { "x-fold": "a   b  \tc" } } }]],
  },
  {
    servers: "Caddy",
    what: "X-Forwarded-For, X-Forwarded-Proto and X-Forwarded-Host, whatever the client sent",
    why: "Its reverse proxy replaces them by what it knows, unless it trusts the client",
    remedy: "`trusted_proxies`, if another proxy is before it",
    shows: [[["caddy/*"], {
      "*": {
        headers: {
          "x-forwarded-for": "{remoteAddr}",
          "x-forwarded-proto": "{scheme}",
          "x-forwarded-host": "{host}",
        },
      },
    }]],
  },
  {
    servers: "Caddy",
    what: "No headers that a Connection header names",
    why: "It takes them for its own connection, as a proxy must",
    remedy: NONE,
    shows: [[["caddy"], { "conn-hop": { headers: { "x-hop": null } } }]],
  },
  {
    servers: "Caddy",
    what: "Some more characters of a path are percent-encoded",
    why: "It writes the path anew where the client left something unencoded that it should not",
    remedy: NONE,
    shows: [[["caddy"], {
      "get-backslash": { url: "http://localhost/app/a%5Cb%5Cc%7Cd%22e%3Cf%3E" },
    }]],
  },
  {
    servers: "Caddy",
    what: "A method in lower case becomes POST",
    why:
      "It takes every method but GET, HEAD and OPTIONS, as they are written, for one with a form",
    remedy: "None; methods are upper case",
    shows: [[["caddy"], {
      "method-lower": { method: "POST", headers: { "content-length": "0" } },
    }]],
  },
  {
    servers: "mod_fcgid, Caddy, HAProxy",
    what: "`Content-Length: 0` on a POST, PUT or PATCH without a body and without a length",
    why: "They send CONTENT_LENGTH=0 for every request without a body",
    remedy: NONE,
    shows: [[["mod_fcgid", "caddy", "haproxy"], {
      "post-nobody": { headers: { "content-length": "0" } },
    }]],
  },
  {
    servers: "Caddy; Apache and nginx when they do not buffer",
    what: "No Content-Length on an upload without one (chunked, HTTP/2)",
    why:
      "They pass the body on while it arrives; the others read it first and then know its length",
    remedy: "None is needed; the body ends where it ends",
    shows: [
      [["caddy", "caddy/buffered"], { "post-chunked": { headers: { "content-length": null } } }],
      [["nginx/unbuf", "apache", "apache/flush", "apache/nocanon"], {
        "post-chunked-slow": { headers: { "content-length": null } },
      }],
      [["apache"], {
        "expect-100-chunked": { headers: { "content-length": null } },
        "h2-post-nolen": { headers: { "content-length": null } },
        "h2-post-slow": { headers: { "content-length": null } },
      }],
    ],
  },
  {
    servers: "lighttpd, mod_fcgid as authorizers",
    what: "No body and no Content-Length",
    why: "An authorizer decides before the body is read",
    remedy: NONE,
    shows: [[["lighttpd/authorizer", "mod_fcgid/accesschecker"], {
      "post-form": { headers: { "content-length": null }, body: "" },
      "post-chunked": { headers: { "content-length": null }, body: "" },
    }]],
  },
  {
    servers: "nginx",
    what:
      "After X-Accel-Redirect to the application itself, a GET of the first URL, with the first body's type and length",
    why: "nginx changes the method and its own idea of the path, not REQUEST_URI or the headers",
    remedy: "Let X-Accel-Redirect point to files, not to the application",
    shows: [[["nginx"], { "x-accel-redirect.1": { method: "GET", body: "" } }]],
  },
];
