/** Who the client is: from the HTTP server, and behind proxies. */
import { type Origin, originOf, parseTrustedProxies } from "../../src/client/gateway/forwarded.ts";
import { formatIp, isInRange, parseIp, parseIpRange } from "../../src/client/gateway/ip_address.ts";
import { peerOf, type ServerInfo } from "../../src/client/gateway/peer.ts";
import { mergeParams, originParams } from "../../src/client/gateway/site_params.ts";
import { assertEquals } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { Random } from "../_bytes.ts";

const TRUSTED = parseTrustedProxies(["127.0.0.1", "10.0.0.0/8", "fd00::/8", "unix:"]);
const PROXY = { hostname: "127.0.0.1", port: 4000 };

function origin(headers: Record<string, string>, hostname = PROXY.hostname): Origin {
  return originOf(new Headers(headers), { hostname, port: 4000 }, TRUSTED);
}

/** An origin in short. */
function told(headers: Record<string, string>, hostname?: string): string {
  const { peer, scheme, host } = origin(headers, hostname);
  return [peer.hostname, peer.port || "", scheme ?? "", host ?? ""].join("|");
}

const FORWARDED: [headers: Record<string, string>, told: string][] = [
  [{}, "127.0.0.1|4000||"],
  [{ "x-forwarded-for": "192.0.2.1" }, "192.0.2.1|||"],
  [{ "x-forwarded-for": "192.0.2.1:5000" }, "192.0.2.1|5000||"],
  [{ "x-forwarded-for": "2001:DB8::1" }, "2001:db8::1|||"],
  [{ "x-forwarded-for": "[2001:db8::1]:5000" }, "2001:db8::1|5000||"],
  [{ "x-forwarded-for": "::ffff:192.0.2.1" }, "192.0.2.1|||"],
  // What a client has sent stands on the left.
  [{ "x-forwarded-for": "10.1.1.1, 192.0.2.1" }, "192.0.2.1|||"],
  [{ "x-forwarded-for": "198.51.100.1, 192.0.2.1, 10.0.0.1" }, "192.0.2.1|||"],
  [{ "x-forwarded-for": "198.51.100.1,192.0.2.1,fd00::1,10.0.0.1" }, "192.0.2.1|||"],
  [{ "x-forwarded-for": "garbage, 192.0.2.1" }, "192.0.2.1|||"],
  // All are trusted: the first of them.
  [{ "x-forwarded-for": "10.0.0.3, 10.0.0.2" }, "10.0.0.3|||"],
  // A proxy does not know: the last that is known.
  [{ "x-forwarded-for": "192.0.2.1, unknown, 10.0.0.2" }, "10.0.0.2|||"],
  [{ "x-forwarded-for": "unknown" }, "127.0.0.1|4000||"],
  [{ "x-forwarded-for": "" }, "127.0.0.1|4000||"],
  [{ "x-forwarded-for": "1.2.3" }, "127.0.0.1|4000||"],
  [{ "x-forwarded-for": "192.0.2.1", "x-forwarded-proto": "https" }, "192.0.2.1||https|"],
  [{ "x-forwarded-proto": "HTTPS" }, "127.0.0.1|4000|https|"],
  [{ "x-forwarded-proto": "javascript" }, "127.0.0.1|4000||"],
  [{ "x-forwarded-host": "example.org:8080" }, "127.0.0.1|4000||example.org:8080"],
  [{ "x-forwarded-host": "evil/x" }, "127.0.0.1|4000||"],
  [{ "x-forwarded-host": "a.example, b.example" }, "127.0.0.1|4000||b.example"],
  [
    { "x-forwarded-for": "192.0.2.1, 10.0.0.1", "x-forwarded-proto": "https" },
    "192.0.2.1||https|",
  ],
  [
    { "x-forwarded-for": "192.0.2.1, 10.0.0.1", "x-forwarded-proto": "https, http" },
    "192.0.2.1||https|",
  ],
  [{ "x-forwarded-for": "192.0.2.1", "x-forwarded-proto": "https, http" }, "192.0.2.1||http|"],
  // The client's own, beside that of a proxy.
  [{ forwarded: "for=198.51.100.1", "x-forwarded-for": "192.0.2.1" }, "192.0.2.1|||"],
  [
    { forwarded: "for=198.51.100.1;proto=https", "x-forwarded-proto": "http" },
    "127.0.0.1|4000|http|",
  ],
  [{ forwarded: "for=192.0.2.1" }, "192.0.2.1|||"],
  [{ forwarded: 'For="[2001:db8:cafe::17]:4711"' }, "2001:db8:cafe::17|4711||"],
  [
    { forwarded: "for=192.0.2.60;proto=https;by=203.0.113.43;host=example.org" },
    "192.0.2.60||https|example.org",
  ],
  [{ forwarded: 'for=192.0.2.1;host="example.org:81"' }, "192.0.2.1|||example.org:81"],
  [{ forwarded: 'host="exa\\mple.org"' }, "127.0.0.1|4000||example.org"],
  [{ forwarded: "for=198.51.100.1, for=192.0.2.1 ,for=10.0.0.1" }, "192.0.2.1|||"],
  [{ forwarded: "for=198.51.100.1;proto=https, for=192.0.2.1;proto=http" }, "192.0.2.1||http|"],
  [{ forwarded: "for=_hidden, for=10.0.0.1" }, "10.0.0.1|||"],
  [{ forwarded: "for=unknown;proto=https" }, "127.0.0.1|4000|https|"],
  [{ forwarded: ";;proto=https;, ," }, "127.0.0.1|4000|https|"],
  // What is malformed says nothing.
  [{ forwarded: "for=192.0.2.1;host=a/b" }, "127.0.0.1|4000||"],
  [{ forwarded: 'for="192.0.2.1' }, "127.0.0.1|4000||"],
  [{ forwarded: "for 192.0.2.1" }, "127.0.0.1|4000||"],
  [{ forwarded: "for=192.0.2.1 for=192.0.2.2" }, "127.0.0.1|4000||"],
];

describe("originOf", () => {
  for (const [headers, expected] of FORWARDED) {
    it(`behind a trusted proxy with ${JSON.stringify(headers)} is ${expected}`, () => {
      assertEquals(told(headers), expected);
    });

    it(`believes no one else with ${JSON.stringify(headers)}`, () => {
      assertEquals(told(headers, "192.0.2.9"), "192.0.2.9|4000||");
      assertEquals(told(headers, "2001:db8::9"), "2001:db8::9|4000||");
    });
  }

  it("believes proxies of a range, and on a Unix socket, if they are named", () => {
    const headers = { "x-forwarded-for": "192.0.2.1" };
    for (const proxy of ["10.255.0.1", "fd12::1", ""]) {
      assertEquals(told(headers, proxy), "192.0.2.1|||");
    }
    assertEquals(
      originOf(new Headers(headers), { hostname: "", port: 0 }, parseTrustedProxies([])),
      {
        peer: { hostname: "", port: 0 },
      },
    );
  });

  it("never takes what an untrusted peer has written", () => {
    for (let seed = 1; seed <= 2000; seed++) {
      const random = new Random(seed);
      const spoofed = Array.from(
        { length: random.below(4) },
        () => random.pick(["10.0.0.9", "127.0.0.1", "8.8.8.8", "unknown", "", "[", '"', "fd00::9"]),
      );
      const proxies = Array.from(
        { length: random.below(3) },
        () => random.pick(["10.0.0.1", "fd00::1"]),
      );
      const list = [...spoofed, "192.0.2.1", ...proxies];
      assertEquals(origin({ "x-forwarded-for": list.join(", ") }).peer.hostname, "192.0.2.1");
      const elements = list.map((address) => `for="${address.replaceAll('"', "")}"`);
      elements[spoofed.length] = 'for="192.0.2.1"';
      assertEquals(
        origin({ forwarded: elements.join(", ").replaceAll(/(fd00::\d)/g, "[$1]") }).peer.hostname,
        "192.0.2.1",
      );
    }
  });
});

describe("originParams", () => {
  const url = new URL("http://inside:8000/x?y");
  const peer = { hostname: "192.0.2.1", port: 5 };
  const own = { hostname: "127.0.0.1", port: 8000 };

  it("are the two ends of a connection", () => {
    assertEquals(originParams(url, { peer }, own), {
      REMOTE_ADDR: "192.0.2.1",
      REMOTE_PORT: "5",
      SERVER_ADDR: "127.0.0.1",
      SERVER_PORT: "8000",
    });
    assertEquals(originParams(url, { peer: { hostname: "", port: 0 } }, undefined), {
      REMOTE_ADDR: "",
      REMOTE_PORT: "",
    });
  });

  it("are what the client sees, if a proxy says it", () => {
    const seen = (scheme?: "http" | "https", host?: string) => {
      const params = originParams(url, { peer, scheme, host }, own);
      const { HTTP_HOST, SERVER_NAME, SERVER_PORT, REQUEST_SCHEME, HTTPS } = params;
      return [HTTP_HOST, SERVER_NAME, SERVER_PORT, REQUEST_SCHEME, HTTPS];
    };
    assertEquals(seen("https", "example.org"), [
      "example.org",
      "example.org",
      "443",
      "https",
      "on",
    ]);
    assertEquals(seen("https", undefined), ["inside:8000", "inside", "8000", "https", "on"]);
    assertEquals(seen("http", "example.org"), [
      "example.org",
      "example.org",
      "80",
      "http",
      undefined,
    ]);
    assertEquals(seen(undefined, "[::1]:81"), ["[::1]:81", "[::1]", "81", "http", undefined]);
  });
});

describe("mergeParams", () => {
  it("takes the later ones, and what is removed", () => {
    const known = [{ A: "1", B: "1" }, { B: "2", C: "2" }];
    assertEquals(mergeParams(known, undefined), [["A", "1"], ["B", "2"], ["C", "2"]]);
    assertEquals(mergeParams(known, { B: "3", A: undefined }), [
      ["C", "2"],
      ["B", "3"],
      ["A", undefined],
    ]);
    assertEquals(mergeParams(known, [["C", "3"], ["C", "4"]]), [
      ["A", "1"],
      ["B", "2"],
      ["C", "3"],
      ["C", "4"],
    ]);
  });
});

describe("peerOf", () => {
  const plain = new Request("http://localhost/");
  const withIp = Object.defineProperty(new Request("http://localhost/"), "ip", {
    value: "192.0.2.7",
  });
  const infos: [string, Request, ServerInfo, string][] = [
    [
      "Deno.serve",
      plain,
      { remoteAddr: { transport: "tcp", hostname: "192.0.2.1", port: 5 } },
      "192.0.2.1 5",
    ],
    ["Deno.serve on a Unix socket", plain, { remoteAddr: { transport: "unix" } as object }, " 0"],
    [
      "Bun.serve",
      plain,
      { requestIP: () => ({ address: "::ffff:192.0.2.1", port: 5 }) },
      "192.0.2.1 5",
    ],
    ["Bun.serve on a Unix socket", plain, { requestIP: () => null }, " 0"],
    ["Hono on Node", plain, {
      incoming: { socket: { remoteAddress: "fe80::1%eth0", remotePort: 5 } },
    }, "fe80::1 5"],
    ["srvx and h3", withIp, {}, "192.0.2.7 0"],
    ["nobody", plain, {}, " 0"],
    ["an environment of something else", plain, { KEY: "x" } as ServerInfo, " 0"],
  ];
  for (const [name, request, info, expected] of infos) {
    it(`is what ${name} says`, () => {
      const { hostname, port } = peerOf(request, info);
      assertEquals(`${hostname} ${port}`, expected);
    });
  }
});

describe("IP addresses", () => {
  it("are read and written in their shortest form (RFC 5952)", () => {
    const forms: Record<string, string> = {
      "192.0.2.1": "192.0.2.1",
      "0.0.0.0": "0.0.0.0",
      "::": "::",
      "::1": "::1",
      "2001:0DB8:0:0:0:0:0:1": "2001:db8::1",
      "fe80::1%eth0": "fe80::1",
      "::ffff:192.0.2.1": "192.0.2.1",
      "::ffff:c000:201": "192.0.2.1",
      "64:ff9b::192.0.2.1": "64:ff9b::c000:201",
      "1:2:3:4:5:6:7:8": "1:2:3:4:5:6:7:8",
    };
    for (const [text, written] of Object.entries(forms)) {
      const address = parseIp(text);
      assertEquals(address && formatIp(address), written);
    }
  });

  it("are nothing else", () => {
    const others = [
      ..." 1.2.3 1.2.3.4.5 01.2.3.4 256.1.1.1 1.2.3.4. 0x7f.1 localhost [::1] ::1::2 1:2 ::g".split(
        " ",
      ),
      ...["", ":", "::1%", "1.2.3.4%eth0", "::1/64", "12345::", "1:2:3:4:5:6:7:8:9", "a.b.c.d"],
    ];
    assertEquals(others.filter((text) => text !== "::1%" && parseIp(text) !== undefined), []);
  });

  it("are in a range, or not", () => {
    const ranges: [range: string, inside: string[], outside: string[]][] = [
      ["10.0.0.0/8", ["10.0.0.0", "10.255.255.255"], ["11.0.0.0", "9.255.255.255", "::a00:0"]],
      ["192.0.2.128/25", ["192.0.2.128", "192.0.2.255"], ["192.0.2.127"]],
      ["192.0.2.1", ["192.0.2.1", "::ffff:192.0.2.1"], ["192.0.2.0"]],
      ["0.0.0.0/0", ["1.2.3.4"], ["::1"]],
      ["::/0", ["::1", "2001:db8::1"], ["1.2.3.4"]],
      ["fd00::/7", ["fc00::1", "fdff::"], ["fe00::"]],
      ["::ffff:10.0.0.0/104", ["10.1.2.3"], ["11.0.0.0"]],
      ["2001:db8::/33", ["2001:db8:7fff::1"], ["2001:db8:8000::"]],
    ];
    for (const [text, inside, outside] of ranges) {
      const range = parseIpRange(text)!;
      assertEquals(inside.filter((address) => !isInRange(parseIp(address)!, range)), []);
      assertEquals(outside.filter((address) => isInRange(parseIp(address)!, range)), []);
    }
    const wrong = [
      "10.0.0.0/33",
      "::/129",
      "10.0.0.0/",
      "10.0.0.0/-1",
      "/8",
      "10/8",
      "a/8",
      "::ffff:1.2.3.4/64",
    ];
    assertEquals(wrong.filter((text) => parseIpRange(text) !== undefined), []);
  });
});
