/**
 * Files that the web server sends in the application's name: nginx's `X-Accel-Redirect`, lighttpd's
 * `X-Sendfile`.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { serve } from "../../mod.ts";
import { assertBytes, pattern } from "../_bytes.ts";
import { assertEquals } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { freePort, spawnProgram, tempDir, waitUntil, which } from "../_runtime.ts";

/** A web server that is told the file by a header, with everything it needs in one directory. */
interface FileServer {
  command: string;
  args: string[];
  configuration: (directory: string, port: number) => string;
  header: (directory: string) => [name: string, value: string];
}

const SERVERS: FileServer[] = [
  {
    command: "nginx",
    // Workers of a root's nginx are another user, who may not read what root has written.
    args: [
      "-p",
      ".",
      "-e",
      "stderr",
      ...(process.getuid?.() === 0 ? ["-g", "user root;"] : []),
      "-c",
    ],
    configuration: (directory, port) =>
      `daemon off; pid nginx.pid; events {}
      http {
        access_log off;
        server {
          listen 127.0.0.1:${port};
          location / {
            fastcgi_param REQUEST_METHOD $request_method;
            fastcgi_param REQUEST_URI $request_uri;
            fastcgi_pass unix:fcgi.sock;
          }
          location /files/ { internal; alias ${directory}/; }
        }
      }`,
    header: () => ["x-accel-redirect", "/files/file.bin"],
  },
  {
    command: "lighttpd",
    args: ["-D", "-f"],
    configuration: (directory, port) =>
      `server.document-root = "${directory}"
      server.bind = "127.0.0.1"
      server.port = ${port}
      server.modules = ("mod_fastcgi")
      fastcgi.server = ("/" => ((
        "socket" => "${directory}/fcgi.sock",
        "check-local" => "disable",
        "x-sendfile" => "enable",
        "x-sendfile-docroot" => ("${directory}")
      )))`,
    header: (directory) => ["x-sendfile", join(directory, "file.bin")],
  },
];

for (const { command, args, configuration, header } of SERVERS) {
  const program = await which(command);
  const skip = program === null && `${command} is not installed`;
  describe(`${command}, told of a file by a header`, { skip, timeout: 20_000 }, () => {
    it("sends it whole, with its length, whatever body the application gave", async () => {
      await using directory = await tempDir(0o755);
      const { path } = directory;
      const [socket, file, config] = ["fcgi.sock", "file.bin", "server.conf"].map((name) =>
        join(path, name)
      );
      const content = pattern(300_000);
      const port = await freePort();
      await writeFile(file, content);
      await writeFile(config, configuration(path, port));
      await using app = serve({ path: socket, onListen() {} }, ({ url }) => {
        const body = url.endsWith("/body") ? "a body of its own" : null;
        return new Response(body, { headers: [["content-type", "a/b"], header(path)] });
      });
      await app.ready;
      await using _server = await spawnProgram(program!, [...args, config], { cwd: path });
      const origin = `http://127.0.0.1:${port}`;
      await waitUntil(
        () =>
          fetch(`${origin}/`).then((answer) => answer.arrayBuffer()).then(() => true, () => false),
        { what: `${command} to listen` },
      );
      for (const target of ["/", "/body"]) {
        const answer = await fetch(origin + target);
        assertEquals(
          [answer.status, answer.headers.get("content-type"), answer.headers.get("content-length")],
          [200, "a/b", `${content.length}`],
        );
        assertBytes(new Uint8Array(await answer.arrayBuffer()), content);
      }
    });
  });
}
