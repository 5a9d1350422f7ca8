import { assertEquals } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { remoteAddress } from "../../src/cgi/remote_addr.ts";
import { captured, paramsOf, SERVERS } from "./_captures.ts";

describe("remoteAddress", () => {
  const address = (REMOTE_ADDR: string, REMOTE_PORT: string) =>
    remoteAddress(paramsOf({ REMOTE_ADDR, REMOTE_PORT }));

  it("is the client's address and port, as every server sends them", () => {
    for (const server of SERVERS) {
      const { transport, hostname, port } = remoteAddress(captured(server, "head"));
      assertEquals([transport, hostname, port > 1023], ["tcp", "127.0.0.1", true]);
    }
  });

  it("takes IPv6 with and without brackets", () => {
    assertEquals(address("::1", "1").hostname, "::1");
    assertEquals(address("[2001:db8::1]", "1").hostname, "2001:db8::1");
  });

  it("is empty and 0 where the server does not say", () => {
    assertEquals(remoteAddress(paramsOf({})), { transport: "tcp", hostname: "", port: 0 });
    for (const port of ["", "-1", "http", "65536", "99999999", "1.5", " 1"]) {
      assertEquals(address("127.0.0.1", port).port, 0);
    }
    assertEquals(address("127.0.0.1", "65535").port, 65535);
  });

  it("passes on nginx's word for a client on a Unix socket", () => {
    assertEquals(address("unix:", ""), { transport: "tcp", hostname: "unix:", port: 0 });
  });
});
