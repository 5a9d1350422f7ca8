import { assert, assertEquals, assertThrows } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { urlBelowMount } from "../../src/cgi/mount.ts";
import { mountPoint, splitPath } from "../../src/cgi/split_path.ts";
import { createRequest } from "../../src/cgi/request.ts";
import { publicUrl } from "../../src/cgi/request_url.ts";
import { captured, paramsOf } from "./_captures.ts";
import { Random } from "../_bytes.ts";

const MOUNT = "/yourapplication";

/** What the application sees of a target: its URL without the host, `scriptName` and `pathInfo`. */
function seen(target: string, mount: string = MOUNT): [string, string, string] {
  const params = paramsOf({ REQUEST_METHOD: "GET", HTTP_HOST: "h", REQUEST_URI: target });
  const request = createRequest(params, null, { mount });
  assert(request instanceof Request);
  assertEquals(new URL(request.url).host, "h", target);
  const { scriptName, pathInfo } = splitPath(params, mount);
  return [request.url.slice("http://h".length), scriptName, pathInfo];
}

/** No request is made of the target: the answer is 404, whatever the method. */
function outside(target: string, mount: string = MOUNT): void {
  for (const method of ["GET", "HEAD", "OPTIONS", "POST", "PROPFIND", "get"]) {
    const params = paramsOf({ REQUEST_METHOD: method, HTTP_HOST: "h", REQUEST_URI: target });
    const answer = createRequest(params, null, { mount });
    assert(!(answer instanceof Request), `${method} ${target} below ${mount}`);
    assertEquals(answer.status, 404, `${method} ${target} below ${mount}`);
  }
}

describe("createRequest: mount", () => {
  it("takes the mount point out of the URL", () => {
    assertEquals(seen("/yourapplication/x?y"), ["/x?y", MOUNT, "/x"]);
    assertEquals(seen("/yourapplication/x/y/"), ["/x/y/", MOUNT, "/x/y/"]);
    assertEquals(seen("/yourapplication/yourapplication"), [MOUNT, MOUNT, MOUNT]);
  });

  it("leaves a slash of the mount point itself", () => {
    assertEquals(seen("/yourapplication"), ["/", MOUNT, ""]);
    assertEquals(seen("/yourapplication/"), ["/", MOUNT, "/"]);
    assertEquals(seen("/yourapplication?q=1/2"), ["/?q=1/2", MOUNT, ""]);
    assertEquals(seen("/yourapplication/?q"), ["/?q", MOUNT, "/"]);
    assertEquals(seen("/yourapplication#f"), ["/", MOUNT, ""]);
  });

  it("makes no request of a target outside; only whole segments match", () => {
    outside("/yourapplicationx");
    outside("/yourapplicationx/y");
    outside("/yourapplicatio");
    outside("/YourApplication/x");
    outside("/x/yourapplication");
    outside("/");
    outside("//yourapplication/x");
    outside("/yourapplication;v=1/x");
    outside("/x?/yourapplication/");
    outside("///yourapplication/x");
    outside("/x//yourapplication/");
    outside("");
  });

  it("makes no request of what is outside where slashes are merged before dots go (nginx)", () => {
    for (
      const way of [
        "/../",
        "//../",
        "/x//../../",
        "/%2f../",
        "//./../",
        "/%2F%2F../",
        "/x///../../",
      ]
    ) {
      outside(`${MOUNT}${way}secret`);
    }
    // Empty segments lead nowhere by themselves.
    assertEquals(seen(`${MOUNT}//x`), ["//x", MOUNT, "//x"]);
    assertEquals(seen(`${MOUNT}/x//../y`)[1], MOUNT);
  });

  it("finds the mount point in every percent-encoding", () => {
    assertEquals(seen("/your%61pplication/x"), ["/x", MOUNT, "/x"]);
    assertEquals(seen("/%79%6F%75%72%61%70%70%6c%69%63%61%74%69%6f%6e"), ["/", MOUNT, ""]);
    for (const target of ["/w%C3%B6rld/%61", "/w%c3%b6rld/%61", "/w\xc3\xb6rld/%61"]) {
      assertEquals(seen(target, "/wörld"), ["/%61", "/wörld", "/a"]);
    }
    assertEquals(seen("/my%20app/x", "/my app"), ["/x", "/my app", "/x"]);
    assertEquals(seen("/100%25/x", "/100%"), ["/x", "/100%", "/x"]);
    assertEquals(seen("/100%/x", "/100%"), ["/x", "/100%", "/x"]);
    assertEquals(seen("/a%3Fb/x", "/a?b"), ["/x", "/a?b", "/x"]);
    assertEquals(seen("/a/%62/c", "/a/b"), ["/c", "/a/b", "/c"]);
  });

  it("keeps what follows byte for byte", () => {
    for (const rest of ["/a%2Fb", "//x//", "/%7e~%41", "/x%3Fy?z=%2F&%61", "/%", "/?", "/a;b,c"]) {
      assertEquals(seen(MOUNT + rest)[0], rest);
    }
  });

  it("stays on its host, whatever follows", () => {
    const targets: [string, string][] = [
      ["//evil.example/", "//evil.example/"],
      ["/\\evil.example/", "/%5Cevil.example/"],
      ["/http://evil.example", "/http://evil.example"],
    ];
    for (const [rest, url] of targets) assertEquals(seen(MOUNT + rest)[0], url);
    for (const rest of ["\\\\evil.example", "@evil.example/", ":80/", "/..//evil.example/"]) {
      outside(MOUNT + rest);
    }
  });

  it("resolves dot segments before it looks, as a browser does", () => {
    for (const dots of ["..", "%2e%2e", ".%2E", "./..", "a/../.."]) {
      outside(`/yourapplication/${dots}/x`);
      outside(`/yourapplication/${dots}`);
    }
    outside("/yourapplication/../yourapplicationx");
    outside("/..");
    assertEquals(seen("/yourapplication/../yourapplication/y"), ["/y", MOUNT, "/y"]);
    assertEquals(seen("/x/../yourapplication/./y"), ["/y", MOUNT, "/y"]);
    assertEquals(seen("/yourapplication/a/.."), ["/", MOUNT, "/"]);
  });

  it("takes %2F neither for the end of the mount point nor for a way out of it", () => {
    outside("/yourapplication%2Fx");
    outside("/yourapplication%2F..");
    outside("/yourapplication%2F..%2Fx");
    outside("/yourapplication/..%2Fx");
    outside("/yourapplication/a%2F..%2F..%2Fx");
    assertEquals(seen("/yourapplication/a%2F..%2Fx"), ["/a%2F..%2Fx", MOUNT, "/x"]);
    outside("/a%2Fb/x", "/a/b");
  });

  it("is for every form of target", () => {
    assertEquals(seen("http://h/yourapplication/x?y"), ["/x?y", MOUNT, "/x"]);
    assertEquals(seen("yourapplication/x"), ["/x", MOUNT, "/x"]);
    outside("*");
    outside("http://h/x");
    outside("http://h");
    outside("http://h/yourapplication/../x");
    const decoded = paramsOf({
      REQUEST_METHOD: "GET",
      HTTP_HOST: "h",
      SCRIPT_NAME: MOUNT,
      PATH_INFO: "/a b",
      QUERY_STRING: "q",
    });
    const request = createRequest(decoded, null, { mount: MOUNT });
    assert(request instanceof Request);
    assertEquals(request.url, "http://h/a%20b?q");
    assertEquals(splitPath(decoded, MOUNT), { scriptName: MOUNT, pathInfo: "/a b" });
  });

  it("refuses the URL it would refuse without", () => {
    const params = paramsOf({ REQUEST_METHOD: "GET", HTTP_HOST: "h:65536", REQUEST_URI: MOUNT });
    assertEquals(createRequest(params, null, { mount: MOUNT }), createRequest(params, null));
    assertThrows(() => publicUrl(paramsOf({ HTTP_HOST: "a b", REQUEST_URI: "/" })), TypeError);
  });

  it("does not need the web server to know of it", () => {
    const captures = [
      ["nginx", "get-encoded"],
      ["nginx", "split-get-encoded"],
      ["lighttpd", "get-encoded"],
      ["lighttpd", "app-get-encoded"],
      ["lighttpd", "fixroot-get-encoded"],
      ["apache", "pathinfo-get-encoded"],
      ["haproxy", "split-get-encoded"],
    ] as const;
    for (const [server, name] of captures) {
      const params = captured(server, name);
      const request = createRequest(params, null, { mount: "/app" });
      assert(request instanceof Request);
      assertEquals(request.url, "http://localhost/hello%20w%C3%B6rld/a%2Fb?x=1&y=%C3%A4&z");
      assertEquals(splitPath(params, "/app"), {
        scriptName: "/app",
        pathInfo: "/hello wörld/a/b",
      });
      assertEquals(publicUrl(params), (createRequest(params, null) as Request).url);
    }
  });
});

describe("urlBelowMount: with random targets", () => {
  it("cuts exactly where scriptName ends, or nothing at all", () => {
    let cut = 0;
    for (let seed = 1; seed <= 4000; seed++) {
      const random = new Random(seed);
      const mount = mountPoint(random.pick(["/a", "/a/b", "/a.b", "/ä"]));
      const start = random.pick([
        "/a",
        "/%61",
        "/a/b",
        "/a/%62",
        "/a.b",
        "/%C3%a4",
        "/",
        "",
        "//a",
      ]);
      const target = start + random.text(10, "/%2F2e..ab?#\\@:ä");
      const params = paramsOf({ REQUEST_METHOD: "GET", HTTP_HOST: "h", REQUEST_URI: target });
      const url = publicUrl(params);
      const below = urlBelowMount(params, url, mount);
      const { scriptName } = splitPath(params, mount);
      const what = `Seed ${seed}: ${target} below ${mount} is ${below}`;
      const answer = createRequest(params, null, { mount });
      assertEquals(answer instanceof Request ? answer.url : answer.status, below ?? 404, what);
      if (below === null) continue;
      assertEquals(scriptName, mount, what);
      cut++;
      assertEquals(new URL(below).href, below, what);
      assertEquals(new URL(below).host, "h", what);
      // Nothing but the mount point is missing, and perhaps a slash was added.
      const rest = below.slice("http://h".length);
      assert(url.endsWith(rest) || (rest[0] === "/" && url.endsWith(rest.slice(1))), what);
      const taken = url.slice("http://h".length, url.endsWith(rest) ? -rest.length : undefined);
      if (url.endsWith(rest)) assertEquals(decodeURIComponent(taken), mount, what);
    }
    assert(cut > 300, `${cut} cut`);
  });
});
