/** One test per row of the table, over what the server really sent. */
import { assert, assertEquals, assertExists, describe, it } from "../_harness.ts";
import { createRequest } from "../../src/cgi/request.ts";
import type { CgiParams } from "../../src/cgi/params.ts";
import { splitPath } from "../../src/cgi/paths.ts";
import { QUIRKS } from "../../src/cgi/quirks.ts";
import { captured, paramsOf } from "./_captures.ts";

function header(params: CgiParams, name: string): string | null {
  const request = createRequest(params, null);
  assert(request instanceof Request);
  return request.headers.get(name);
}

/** A copy with some parameters left out. */
function without(params: CgiParams, ...names: string[]): CgiParams {
  return paramsOf([...params].filter(([name]) => !names.includes(name)));
}

const FORM = "application/x-www-form-urlencoded";

const TESTS: Record<string, () => void> = {
  "httpoxy": () => {
    const params = captured("nginx", "httpoxy");
    assertEquals(params.get("HTTP_PROXY"), "http://evil.example:3128");
    assertEquals(header(params, "proxy"), null);
  },

  "content headers twice": () => {
    const form = captured("nginx", "post-form");
    assertExists(form.get("HTTP_CONTENT_LENGTH"));
    assertExists(form.get("HTTP_CONTENT_TYPE"));
    assertEquals(header(form, "content-length"), "10");
    assertEquals(header(form, "content-type"), "application/x-www-form-urlencoded");

    const spoofed = captured("lighttpd", "spoof-names");
    assertEquals(spoofed.get("HTTP_CONTENT_LENGTH"), "77");
    assertEquals(header(spoofed, "content-length"), null);
  },

  "authorization recipe": () => {
    const withHeader = captured("apache", "flush-authorization");
    assertEquals(header(withHeader, "authorization"), "Basic dXNlcjpwYXNz");
    const withoutHeader = captured("apache", "flush-post-cl-slow");
    assertEquals(withoutHeader.get("HTTP_AUTHORIZATION"), "");
    assertEquals(header(withoutHeader, "authorization"), null);
  },

  "FcgidPassHeader": () => {
    const params = captured("mod_fcgid", "authorization-bearer");
    assertEquals(params.get("Authorization"), "Bearer abc.def");
    assertEquals(header(params, "authorization"), "Bearer abc.def");
    assertEquals(header(without(params, "HTTP_AUTHORIZATION"), "authorization"), "Bearer abc.def");
    assertEquals(
      header(without(params, "HTTP_AUTHORIZATION", "Authorization"), "authorization"),
      null,
    );
  },

  "form by default": () => {
    for (const name of ["delete", "method-propfind", "post-empty"]) {
      const params = captured("caddy", name);
      assertEquals(params.get("CONTENT_TYPE"), FORM);
      assertEquals(header(params, "content-type"), null);
    }
    assertEquals(header(captured("caddy", "post-form"), "content-type"), FORM);
    assertEquals(header(captured("caddy", "put"), "content-type"), "text/plain");
    // Others mean it.
    assertEquals(header(captured("haproxy", "post-form"), "content-type"), FORM);
  },

  "zero length": () => {
    for (const server of ["lighttpd", "haproxy", "mod_fcgid"] as const) {
      const params = captured(server, "head");
      assertEquals(params.get("CONTENT_LENGTH"), "0");
      assertEquals(header(params, "content-length"), null);
    }
    for (const server of ["lighttpd", "haproxy", "mod_fcgid", "caddy"] as const) {
      for (const name of ["delete", "method-propfind"]) {
        const params = captured(server, name);
        assertEquals(params.get("CONTENT_LENGTH"), "0");
        assertEquals(header(params, "content-length"), null);
      }
      assertEquals(header(captured(server, "post-empty"), "content-length"), "0");
    }
  },

  "lighttpd leaves out PATH_INFO": () => {
    const params = captured("lighttpd", "app-get-app");
    assertEquals(params.get("PATH_INFO"), undefined);
    assertEquals(splitPath(params), { scriptName: "/app", pathInfo: "" });
    // nginx sends the same two parameters, and splits nothing.
    const nginx = paramsOf({
      SCRIPT_NAME: "/app",
      REQUEST_URI: "/app",
      SERVER_SOFTWARE: "nginx/1.22.1",
    });
    assertEquals(splitPath(nginx), { scriptName: "", pathInfo: "/app" });
  },

  "mod_fcgid leaves out PATH_INFO": () => {
    const params = captured("mod_fcgid", "get-app");
    assertEquals(params.get("PATH_INFO"), undefined);
    assertEquals(splitPath(params), { scriptName: "/app", pathInfo: "" });
    const proxy = captured("apache", "get-app");
    assertEquals(proxy.get("SCRIPT_NAME"), "/app");
    assertEquals(splitPath(proxy), { scriptName: "", pathInfo: "/app" });
  },
};

describe("QUIRKS", () => {
  for (const { name, servers, what } of QUIRKS) {
    it(`${name}: ${servers.join(", ")}`, () => {
      assert(what.length > 0);
      assertExists(TESTS[name], "No test for this row");
      TESTS[name]();
    });
  }

  it("has a row for every test", () => {
    assertEquals(Object.keys(TESTS).sort(), QUIRKS.map(({ name }) => name).sort());
  });
});
