/** HAProxy: sections for the end of its file, which are also a whole file. */
import { nameOf } from "../target.ts";
import { type Configuration, hintsOn, patternOf, type Site, siteName, when } from "./kind.ts";
import { quoteFor } from "./quote.ts";

const quote = quoteFor("HAProxy", "$%,");

/** A frontend, a backend and the FastCGI application between them. */
export function haproxy(site: Site): Configuration {
  const { address, sockets, host, port, basePath, isShared } = site;
  const servers = sockets.map((socket) =>
    "path" in socket ? quote(socket.path, "--socket", "unix@") : nameOf(socket)
  );
  const name = siteName(site);
  const isPath = basePath === ""
    ? ""
    : ` { path ${basePath} } or is_host { path_beg ${basePath}/ }`;
  return {
    lines: [
      "defaults",
      "  mode http",
      "  log global",
      "  timeout connect 5s",
      "  timeout client 30s",
      "  # How long the application may think.",
      "  timeout server 30s",
      "",
      `fcgi-app ${name}`,
      "  # HAProxy serves no files, but wants a docroot.",
      "  docroot /var/www/html",
      "  # Or else the lines that the application logs are lost.",
      "  log-stderr global",
      "  # Or else the header stays here, and in its place a name that nobody has checked arrives as",
      "  # REMOTE_USER.",
      "  pass-header Authorization",
      ...when(
        basePath !== "",
        "  # Where the application is mounted.",
        `  path-info ^(${patternOf(basePath)})(/.*)?$`,
      ),
      ...when(
        isShared,
        "  # Connections that are kept stay with the worker that has taken them.",
        "  no option keep-conn",
      ),
      "",
      `frontend ${name}`,
      `  bind :${port}`,
      `  acl is_host req.hdr(host),field(1,:) -i ${host}`,
      `  http-request deny deny_status 404 unless is_host${isPath}`,
      `  default_backend ${name}`,
      "",
      `backend ${name}`,
      `  use-fcgi-app ${name}`,
      "  # A health check is a request, for a path of the application's, or that of fcgi serve",
      "  # --ping-path; with `check` behind `fcgi`:",
      "  #   option httpchk",
      `  #   http-check send meth GET uri ${basePath}/health hdr Host ${host}`,
      ...when(
        servers.length > 1,
        "  # A socket for each worker: to the one that has the least to do.",
        "  balance leastconn",
      ),
      ...servers.map((server, index) =>
        `  server application${servers.length > 1 ? index : ""} ${server} proto fcgi`
      ),
    ],
    hints: [
      "Put it at the end of /etc/haproxy/haproxy.cfg, then",
      "    haproxy -c -f /etc/haproxy/haproxy.cfg && systemctl reload haproxy",
      ...hintsOn(site),
      ...when(
        "path" in address,
        "If that file has a chroot, as Debian's has, HAProxy sees no socket outside of it:",
        "leave out the line, put the socket there, or use a port with --connect",
      ),
    ],
    test: {
      program: "haproxy",
      args: (directory) => ["-c", "-q", "-f", `${directory}/haproxy.cfg`],
      files: (text) => ({ "haproxy.cfg": text }),
    },
  };
}
