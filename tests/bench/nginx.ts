// The web server: one nginx process on a free port before one server on a Unix socket, FastCGI or
// HTTP, with the parameters of the stock `fastcgi_params` or the usual proxy headers.

import { Daemon } from "./daemon.ts";
import { CONNECTIONS } from "./sample.ts";

export type Upstream = "fastcgi" | "http";

const FASTCGI_PARAMS = `
QUERY_STRING $query_string; REQUEST_METHOD $request_method; CONTENT_TYPE $content_type;
CONTENT_LENGTH $content_length; SCRIPT_NAME $fastcgi_script_name; REQUEST_URI $request_uri;
DOCUMENT_URI $document_uri; DOCUMENT_ROOT $document_root; SERVER_PROTOCOL $server_protocol;
REQUEST_SCHEME $scheme; GATEWAY_INTERFACE CGI/1.1; SERVER_SOFTWARE nginx/$nginx_version;
REMOTE_ADDR $remote_addr; REMOTE_PORT $remote_port; REMOTE_USER $remote_user;
SERVER_ADDR $server_addr; SERVER_PORT $server_port; SERVER_NAME $server_name; REDIRECT_STATUS 200;
`.split(";").map((pair) => pair.trim()).filter(Boolean).map((pair) => `fastcgi_param ${pair};`);

const PASS: Record<Upstream, string[]> = {
  fastcgi: [
    "fastcgi_pass app;",
    ...FASTCGI_PARAMS,
  ],
  http: [
    "proxy_pass http://app;",
    "proxy_set_header Host $http_host;",
    "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
    "proxy_set_header X-Forwarded-Proto $scheme;",
  ],
};

/** What keeps connections to the server, beside `keepalive` of the upstream. */
const KEEP: Record<Upstream, string[]> = {
  fastcgi: ["fastcgi_keep_conn on;"],
  http: ["proxy_http_version 1.1;", 'proxy_set_header Connection "";'],
};

export interface Site {
  upstream: Upstream;
  /** Whether connections to the server are kept; stock nginx opens one for each request. */
  keeps: boolean;
  socket: string;
  /** For its configuration and files. */
  folder: string;
}

// `master_process off`: one process, which runs as whoever runs this, so that it may open the
// socket.
const configuration = ({ upstream, keeps, socket, folder }: Site, port: number) => `
daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log stderr error;
events { worker_connections 256; }
http {
  access_log off;
  default_type text/plain;
  client_body_temp_path ${folder}/body;
  fastcgi_temp_path ${folder}/fastcgi;
  proxy_temp_path ${folder}/proxy;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  upstream app { server unix:${socket}; ${keeps ? `keepalive ${CONNECTIONS};` : ""} }
  server {
    listen 127.0.0.1:${port};
    server_name localhost;
    location / {
      ${[...PASS[upstream], ...keeps ? KEEP[upstream] : []].join("\n      ")}
    }
  }
}
`;

/** Starts nginx; `command` is the path of nginx, pinned to a core. */
export async function startNginx(
  command: string[],
  site: Site,
): Promise<{ nginx: Daemon; origin: string }> {
  const port = freePort();
  const file = `${site.folder}/nginx.conf`;
  await Deno.writeTextFile(file, configuration(site, port));
  const address = { hostname: "127.0.0.1", port };
  const nginx = await Daemon.start([...command, "-e", "stderr", "-c", file], address);
  return { nginx, origin: `http://127.0.0.1:${port}` };
}

/** A port of 127.0.0.1 that nobody listens on now. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
