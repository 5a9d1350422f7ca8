/** What HAProxy alone does: it leaves paths as they came, and the end of an empty body out. */
import { connect } from "node:http2";
import { assertEquals } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { freePort, which } from "../_runtime.ts";
import { serve, type ServeHandler, type ServeOptions } from "../../mod.ts";
import { http } from "./_http_client.ts";
import { SETUPS } from "./_servers.ts";
import { Site } from "./_site.ts";
import { skipReason } from "./_web_server.ts";

/** HAProxy before an application of this process, with a port for HTTP/1.1 and one for HTTP/2. */
async function start(handler: ServeHandler, options: Pick<ServeOptions, "mount"> = {}) {
  const stack = new AsyncDisposableStack();
  const server = stack.use(serve({ port: 0, onListen() {}, ...options }, handler));
  const address = await server.ready;
  if (address.transport !== "tcp") throw new TypeError("Not on TCP");
  const site = stack.use(await Site.make());
  const h2 = await freePort();
  await site.start(
    [(await which("haproxy"))!, "-db", "-f", "site.conf"],
    `
    defaults
      mode http
      timeout connect 5s
      timeout client 8s
      timeout server 8s
    fcgi-app app
      docroot /var/www/html
    frontend h1
      bind 127.0.0.1:${site.port}
      default_backend app
    frontend h2
      bind 127.0.0.1:${h2} proto h2
      default_backend app
    backend app
      use-fcgi-app app
      server app 127.0.0.1:${address.port} proto fcgi`,
  );
  return { h1: site.port, h2, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

/** A request over HTTP/2 whose body ends behind its headers, without a byte. */
function emptyBody(port: number, method: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const session = connect(`http://127.0.0.1:${port}`);
    session.on("error", reject);
    const request = session.request({ ":method": method, ":path": "/" });
    let status = 0;
    let text = "";
    request.setEncoding("utf8");
    request.on("response", (headers) => status = Number(headers[":status"]));
    request.on("data", (part: string) => text += part);
    request.on("error", reject);
    request.on("end", () => {
      session.close();
      resolve({ status, text });
    });
    request.end();
  });
}

describe("HAProxy", {
  skip: await skipReason(SETUPS.haproxy.server),
  sanitize: false,
  timeout: 20_000,
}, () => {
  it("says no end of an empty body over HTTP/2, and none is waited for", async () => {
    await using proxy = await start(async (request, { params }) =>
      Response.json([params.get("CONTENT_LENGTH"), await request.text()])
    );
    for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
      const { status, text } = await emptyBody(proxy.h2, method);
      assertEquals([method, status, text], [method, 200, '["0",""]']);
    }
  });

  it("hands on dot segments, which a mounted application does not hear of", async () => {
    const called: string[] = [];
    await using proxy = await start(({ url }) => {
      called.push(url);
      return new Response("inside");
    }, { mount: "/app" });
    const outside = [
      "/admin",
      "/app/../admin",
      "/app/%2e%2e/admin",
      "/app%2F..",
      "/app/..%2fadmin",
    ];
    for (const target of [...outside, "/appx", "/APP", "//app/x", "/"]) {
      assertEquals((await http(proxy.h1, { target })).status, 404, target);
      assertEquals((await http(proxy.h1, { target, method: "HEAD" })).status, 404, target);
    }
    assertEquals(called, []);
    assertEquals((await http(proxy.h1, { target: "/app/x" })).text, "inside");
    assertEquals(called, ["http://example.org/x"]);
  });
});
