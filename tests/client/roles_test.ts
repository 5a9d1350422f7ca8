/** The client in all three roles against an application of this module, over sockets. */
import { assertBytes, pattern } from "../_bytes.ts";
import { assertEquals, assertRejects } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { serve, type ServeHandler } from "../../mod.ts";
import { FastCgiClient } from "../../src/client/mod.ts";
import { FastCgiError } from "../../src/protocol/mod.ts";

const URL_TEXT = "http://example.org/file.txt";

/** Grants, filters or answers. */
const handler: ServeHandler = async (request, info) => {
  if (info.role === "authorizer") {
    const user = request.headers.get("x-user");
    if (user === null) return new Response("Who?", { status: 401 });
    return new Response("granted", { headers: { "variable-remote_user": user } });
  }
  if (info.role === "filter") {
    const [body, data] = await Promise.all([
      new Response(request.body).bytes(),
      new Response(info.data).bytes(),
    ]);
    const headers = {
      "x-body": String(body.length),
      "x-length": info.params.get("FCGI_DATA_LENGTH") ?? "none",
    };
    return new Response(data.reverse(), { headers });
  }
  return new Response(info.role);
};

describe("FastCgiClient", () => {
  it("asks an authorizer", async () => {
    await using app = serve({ port: 0, roles: ["authorizer"], onListen() {} }, handler);
    await using client = new FastCgiClient(await app.ready);
    const refused = await client.fetch(new Request(URL_TEXT), { role: "authorizer" });
    assertEquals([refused.status, await refused.text()], [401, "Who?"]);
    const request = new Request(URL_TEXT, { headers: { "x-user": "ada" } });
    const granted = await client.fetch(request, { role: "authorizer" });
    assertEquals([granted.status, await granted.text()], [200, ""]);
    assertEquals(granted.headers.get("variable-remote_user"), "ada");
  });

  it("sends a filter its file beside a body, larger than any buffer", async () => {
    await using app = serve({ port: 0, roles: ["filter"], onListen() {} }, handler);
    await using client = new FastCgiClient(await app.ready);
    const data = pattern(1_000_000);
    const request = new Request(URL_TEXT, { method: "POST", body: pattern(300_000) });
    const response = await client.fetch(request, { role: "filter", data });
    assertEquals(
      [response.headers.get("x-body"), response.headers.get("x-length")],
      ["300000", "1000000"],
    );
    assertBytes(await response.bytes(), data.slice().reverse());
  });

  it("hears that an application does not take a role", async () => {
    await using app = serve({ port: 0, onListen() {} }, handler);
    await using client = new FastCgiClient(await app.ready);
    for (const role of ["filter", "authorizer"] as const) {
      const data = role === "filter" ? pattern(10) : undefined;
      // Web servers see the status and look no further.
      const response = await client.fetch(new Request(URL_TEXT), { role, data });
      assertEquals(response.status, 500);
      const error = await assertRejects<FastCgiError>(
        () => response.text(),
        FastCgiError,
        "FCGI_UNKNOWN_ROLE",
      );
      assertEquals(error.code, "request_refused");
    }
  });
});
