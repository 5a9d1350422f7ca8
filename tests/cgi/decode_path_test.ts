import { decodePath, encodePath } from "../../src/cgi/decode_path.ts";
import { percentDecode } from "../../src/cgi/percent_decode.ts";
import { Random } from "../_bytes.ts";
import { assert, assertEquals } from "../_assert.ts";
import { describe, it } from "../_harness.ts";

const PATHS: [pathname: string, decoded: string][] = [
  ["/", "/"],
  ["", "/"],
  ["/a/b", "/a/b"],
  ["/a/b/", "/a/b/"],
  ["//a///b//", "/a/b/"],
  ["/a/./b/.", "/a/b/"],
  ["/a/b/..", "/a/"],
  ["/a/../..", "/"],
  ["/../../etc/passwd", "/etc/passwd"],
  ["/%2e%2e/%2E%2E/etc/passwd", "/etc/passwd"],
  ["/..%2f..%2fetc%2Fpasswd", "/etc/passwd"],
  ["/a%2fb", "/a/b"],
  // Once, and not twice.
  ["/%252e%252e%252fetc", "/%2e%2e%2fetc"],
  ["/%%32e", "/%2e"],
  ["/%zz%4", "/%zz%4"],
  ["/%00", "/\0"],
  // Bytes are bytes.
  ["/%C3%BC", "/\xc3\xbc"],
  ["/%FF%fe", "/\xff\xfe"],
  ["/%5c..%5C", "/\\..\\"],
  ["/...", "/..."],
  ["/..a/.b", "/..a/.b"],
  ["/%0d%0a", "/\r\n"],
];

describe("decodePath", () => {
  for (const [pathname, decoded] of PATHS) {
    it(`makes ${JSON.stringify(decoded)} of ${JSON.stringify(pathname)}`, () => {
      assertEquals(decodePath(pathname), decoded);
    });
  }

  it("has no dot segment and no second slash left, whatever comes", () => {
    for (let seed = 1; seed <= 5000; seed++) {
      const random = new Random(seed);
      const pieces = [
        "/",
        ".",
        "..",
        "%2e",
        "%2E",
        "%2f",
        "%2F",
        "%25",
        "a",
        "%5c",
        "%00",
        "%",
        "2",
      ];
      let path = "/";
      for (let i = random.below(20); i > 0; i--) path += random.pick(pieces);
      const decoded = decodePath(path);
      assert(decoded.startsWith("/"), decoded);
      const names = decoded.slice(1).replace(/\/$/, "").split("/");
      assert(decoded === "/" || names.every((name) => !["", ".", ".."].includes(name)), decoded);
    }
  });
});

describe("encodePath", () => {
  it("is decoded to what it was, byte for byte", () => {
    const all = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte)).join("");
    const encoded = encodePath(all);
    assert(/^[\w.~!$&'()*+,;=:@/%-]*$/.test(encoded), encoded);
    assertEquals(percentDecode(encoded), all);
  });

  it("leaves the characters of a path as they are", () => {
    assertEquals(encodePath("/a-b_c.d~e/f!$&'()*+,;=:@"), "/a-b_c.d~e/f!$&'()*+,;=:@");
    assertEquals(encodePath("/ü ?#%\\"), "/%FC%20%3F%23%25%5C");
  });
});
