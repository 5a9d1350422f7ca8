import { HeaderBlockParser, MAX_HEADER_BLOCK } from "../../src/client/header_block.ts";
import { FastCgiError } from "../../src/protocol/mod.ts";
import { bytes, chunksOf, everySplit, latin1 } from "../_bytes.ts";
import { assert, assertEquals, assertThrows } from "../_assert.ts";
import { describe, it } from "../_harness.ts";

function parse(...parts: (string | Uint8Array)[]) {
  const parser = new HeaderBlockParser();
  let found: ReturnType<HeaderBlockParser["push"]>;
  let rest = "";
  for (const part of parts) {
    const content = bytes(part);
    if (found !== undefined) rest += latin1(content);
    else if ((found = parser.push(content)) !== undefined) rest = latin1(found.rest);
  }
  if (found === undefined) return undefined;
  const { status, statusText, headers } = found.head;
  return { status, statusText, headers: [...headers], cookies: headers.getSetCookie(), rest };
}

const BLOCK = "X-One: 1\r\nStatus: 404 Not Found\r\nX-Two:  two \r\n\r\nbody\n\n";
const PARSED = {
  status: 404,
  statusText: "Not Found",
  headers: [["x-one", "1"], ["x-two", "two"]] as [string, string][],
  cookies: [],
  rest: "body\n\n",
};

describe("HeaderBlockParser", () => {
  it("reads a block that comes at once", () => assertEquals(parse(BLOCK), PARSED));

  it("reads a block cut in two anywhere", () => {
    for (const [head, tail] of everySplit(bytes(BLOCK))) assertEquals(parse(head, tail), PARSED);
  });

  it("reads a block byte by byte", () => {
    assertEquals(parse(...chunksOf(bytes(BLOCK), 1)), PARSED);
  });

  it("takes LF for CR LF, and both in one block", () => {
    assertEquals(parse(BLOCK.replaceAll("\r\n", "\n")), PARSED);
    assertEquals(parse(BLOCK.replace("\r\n", "\n")), PARSED);
    assertEquals(parse(BLOCK.replace("\r\n\r\n", "\n\r\n")), PARSED);
  });

  it("waits for the empty line", () => {
    assertEquals(parse("Status: 200 OK\r\nX: 1\r\n"), undefined);
    assertEquals(parse("X: 1\r\n\r"), undefined);
  });

  it("takes 200 for no Status, and 302 if there is a Location", () => {
    assertEquals(parse("Content-Type: text/plain\n\n")?.status, 200);
    assertEquals(parse("Location: /x\n\n")?.status, 302);
    assertEquals(parse("Location: /x\nStatus: 201 Created\n\n")?.status, 201);
  });

  it("takes a Status without a phrase, in any case, on any line", () => {
    assertEquals(parse("sTaTuS: 299\n\n")?.status, 299);
    assertEquals(parse("sTaTuS: 299\n\n")?.statusText, "");
    assertEquals(parse("A: 1\nStatus: 500 No: really\nB: 2\n\n")?.statusText, "No: really");
  });

  it("takes a block without a line", () => assertEquals(parse("\r\nbody")?.rest, "body"));

  it("keeps several Set-Cookie apart", () => {
    const cookies = ["a=1; Path=/", "b=2", "c=3, 4"];
    const block = cookies.map((cookie) => `Set-Cookie: ${cookie}\r\n`).join("") + "\r\n";
    assertEquals(parse(block)?.cookies, cookies);
  });

  it("reads values as Latin-1, byte for byte", () => {
    assertEquals(parse("X: \x80\xe4\xff\n\n")?.headers, [["x", "\x80\xe4\xff"]]);
  });

  it("keeps an empty value", () => assertEquals(parse("X:\r\n\r\n")?.headers, [["x", ""]]));

  for (
    const [name, block] of [
      ["a line without a colon", "no colon\n\n"],
      ["an HTTP status line", "HTTP/1.1 200 OK\nX: 1\n\n"],
      ["a folded line", "X: 1\n folded: 2\n\n"],
      ["a space before the colon", "X : 1\n\n"],
      ["a line without a name", ": 1\n\n"],
      ["a name that is no token", "X(Y): 1\n\n"],
      ["NUL in a value", "X: a\0b\n\n"],
      ["CR in a value", "X: a\rb\n\n"],
      ["a control byte in a value", "X: a\x01b\n\n"],
      ["an interim status", "Status: 100 Continue\n\n"],
      ["a switch of protocols", "Status: 101 Switching Protocols\n\n"],
      ["a status that is none", "Status: OK\n\n"],
      ["a status of two digits", "Status: 20 OK\n\n"],
      ["a status above 599", "Status: 600 X\n\n"],
      ["HTML instead of a block", "<p>Hello</p>\n\n"],
    ]
  ) {
    it(`refuses ${name}`, () => {
      const error = assertThrows(() => parse(block), FastCgiError);
      assertEquals(error.code, "bad_reply");
    });
  }

  it("takes no byte of a value for a space but space and tab", () => {
    // "à" in UTF-8 ends with the byte of U+00A0, which `trim()` takes away.
    const parsed = parse("X: \t\xc3\xa0 \t\r\nY:\xa0\n\n");
    assertEquals(parsed?.headers, [["x", "\xc3\xa0"], ["y", "\xa0"]]);
  });

  it("takes a block of the greatest length, and refuses a longer one", () => {
    const line = `X: ${"x".repeat(MAX_HEADER_BLOCK - 6)}\n`;
    assertEquals(line.length + 2, MAX_HEADER_BLOCK);
    assertEquals(parse(line, "\r", "\n")?.status, 200);
    assertThrows(() => parse(line, "\r", "xx"), FastCgiError, "longer than 65535");
    assertThrows(() => parse(line + "\n".padStart(5, "x")), FastCgiError, "longer than 65535");
  });

  it("takes a short block in front of a long body", () => {
    assert(parse("X: 1\n\n" + "x".repeat(100_000))?.rest.length === 100_000);
  });
});
