/** One test per row of the table, over what the server really sent. */
import { assert, assertEquals, assertExists } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { createRequest } from "../../src/cgi/request.ts";
import type { CgiParams } from "../../src/cgi/params.ts";
import { splitPath } from "../../src/cgi/split_path.ts";
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

  "RewriteRule with E=HTTP_AUTHORIZATION": () => {
    const params = captured("mod_fcgid", "htaccess-authorization");
    assertEquals(params.get("HTTP_AUTHORIZATION"), undefined);
    assertEquals(header(params, "authorization"), "Basic dXNlcjpwYXNz");
    // Without the header it is there, and empty.
    const none = captured("mod_fcgid", "htaccess-get-app-slash");
    assertEquals(none.get("REDIRECT_HTTP_AUTHORIZATION"), "");
    assertEquals(header(none, "authorization"), null);
    // The header's own parameter says more, unless SetEnvIf has made it of nothing.
    for (const [own, expected] of [["Bearer own", "Bearer own"], ["", "Basic dXNlcjpwYXNz"]]) {
      assertEquals(
        header(paramsOf([...params, ["HTTP_AUTHORIZATION", own]]), "authorization"),
        expected,
      );
    }
    // What a client sends under this name has another one as a parameter.
    const sent = without(params, "REDIRECT_HTTP_AUTHORIZATION");
    sent.append("HTTP_REDIRECT_HTTP_AUTHORIZATION", "Basic b3RoZXI=");
    assertEquals(header(sent, "authorization"), null);
  },

  "RewriteRule with E=HTTP_AUTHORIZATION, twice anew": () => {
    const params = captured("mod_fcgid", "twice-authorization");
    assertEquals(params.get("REDIRECT_HTTP_AUTHORIZATION"), undefined);
    assertEquals(header(params, "authorization"), "Basic dXNlcjpwYXNz");
    assertEquals(
      header(without(params, "REDIRECT_REDIRECT_HTTP_AUTHORIZATION"), "authorization"),
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
    // A script that is asked for by its name.
    const script = captured("mod_fcgid", "htaccess-get-script");
    assertEquals(script.get("PATH_INFO"), undefined);
    assertEquals(splitPath(script), { scriptName: "/app/app.fcgi.ts", pathInfo: "" });
  },

  "Apache's script": () => {
    for (
      const [name, info, pathInfo] of [
        ["htaccess-get-app-slash", "/", "/"],
        ["htaccess-get-query-qmark", "/x", "/x"],
        ["fallback-get-query-qmark", undefined, "/x"],
        ["fallback-get-app-slash", undefined, "/"],
      ] as const
    ) {
      const params = captured("mod_fcgid", name);
      assertEquals(params.get("SCRIPT_NAME"), "/app/app.fcgi.ts");
      assertEquals(params.get("PATH_INFO"), info);
      assertEquals(splitPath(params), { scriptName: "/app", pathInfo });
      // A base path says better.
      assertEquals(splitPath(params, "/"), { scriptName: "", pathInfo: `/app${pathInfo}` });
    }
    const fallback = captured("mod_fcgid", "fallback-get-query-qmark");
    const changed = (changes: Record<string, string>) =>
      splitPath(paramsOf([...fallback, ...Object.entries(changes)]));
    // As CGI says it.
    assertEquals(changed({ PATH_INFO: "" }), { scriptName: "/app", pathInfo: "/x" });
    // With the rest of the path in the query, or another rest.
    assertEquals(changed({ PATH_INFO: "/y" }), { scriptName: "/app", pathInfo: "/x" });
    // Below an Alias, and in a directory of a user's.
    for (const prefix of ["/app", "/app/", "/ap"]) {
      const CONTEXT_DOCUMENT_ROOT = "/srv/www/app/app.fcgi.ts".slice(0, 8 + prefix.length);
      const alias = changed({ CONTEXT_PREFIX: prefix, CONTEXT_DOCUMENT_ROOT });
      assertEquals(alias, { scriptName: "/app", pathInfo: "/x" }, prefix);
    }
    // From elsewhere in the site: then nobody knows.
    const elsewhere = { scriptName: "", pathInfo: "/blog/x" };
    assertEquals(changed({ REQUEST_URI: "/blog/x" }), elsewhere);
    assertEquals(changed({ REQUEST_URI: "/blog/x", PATH_INFO: "/x" }), elsewhere);
    const apple = { scriptName: "", pathInfo: "/apple/x" };
    assertEquals(changed({ REQUEST_URI: "/apple/x" }), apple);
    // A file that is no script: mod_proxy_fcgi's DirectoryIndex, an authorizer's.
    const whole = { scriptName: "", pathInfo: "/app/x" };
    for (const SCRIPT_FILENAME of ["proxy:fcgi://localhost/srv/www/app/app.fcgi.ts", "/app/x"]) {
      assertEquals(changed({ SCRIPT_FILENAME }), whole);
    }
    assertEquals(changed({ FCGI_ROLE: "AUTHORIZER" }), whole);
  },

  "lighttpd's script": () => {
    for (const name of ["ifnotfile-get-app-slash", "front-get-app-slash"]) {
      const params = captured("lighttpd", name);
      assertEquals(params.get("SCRIPT_NAME"), "/app/app.fcgi.ts");
      assertEquals(splitPath(params), { scriptName: "/app", pathInfo: "/" });
    }
    // A prefix of `fastcgi.server` is no file, and has no folder.
    const prefix = captured("lighttpd", "rewrite-get-encoded");
    assertEquals(prefix.get("SCRIPT_NAME"), "/app/front");
    assertEquals(splitPath(prefix), { scriptName: "", pathInfo: "/app/hello wörld/a/b" });
    // nginx says the same of a page that an `internal` location has for an error.
    const nginx = paramsOf({
      SCRIPT_NAME: "/app/error.html",
      REQUEST_URI: "/app/x",
      SERVER_SOFTWARE: "nginx/1.22.1",
    });
    assertEquals(splitPath(nginx), { scriptName: "", pathInfo: "/app/x" });
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
