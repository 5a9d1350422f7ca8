import { assertEquals, assertStrictEquals } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { assertBytes, bytes, chunksOf, pattern, Random, randomChunks } from "../_bytes.ts";
import { ContentBuffer } from "../../src/protocol/content_buffer.ts";

function gather(chunks: Iterable<Uint8Array>): ContentBuffer {
  const buffer = new ContentBuffer();
  for (const chunk of chunks) buffer.append(chunk);
  return buffer;
}

describe("ContentBuffer", () => {
  it("is empty at first", () => {
    const buffer = new ContentBuffer();
    assertEquals([buffer.length, buffer.bytes().length], [0, 0]);
  });

  it("keeps a single part as the view it came as", () => {
    const part = bytes("one part");
    assertStrictEquals(gather([part]).bytes(), part);
  });

  it("gathers parts of any size in their order", () => {
    const random = new Random(3);
    const content = pattern(100_000);
    for (const most of [1, 10, 1000, 65535]) {
      const buffer = gather(randomChunks(content, random, most));
      assertEquals(buffer.length, content.length);
      assertBytes(buffer.bytes(), content);
    }
  });

  it("gathers half a million single bytes", () => {
    const content = pattern(500_000);
    assertBytes(gather(chunksOf(content, 1)).bytes(), content);
  });

  it("never writes into the parts it was given", () => {
    const large = bytes("0123456789");
    const parts = [large.subarray(0, 4), bytes("ab"), bytes("cd")];
    assertBytes(gather(parts).bytes(), bytes("0123abcd"));
    assertBytes(large, bytes("0123456789"));
  });

  it("can be read between parts", () => {
    const buffer = gather([bytes("ab"), bytes("cd")]);
    const before = buffer.bytes();
    buffer.append(bytes("ef"));
    assertBytes(before, bytes("abcd"));
    assertBytes(buffer.bytes(), bytes("abcdef"));
  });

  it("takes empty parts", () => {
    assertBytes(gather(["", "a", "", "b", ""].map((part) => bytes(part))).bytes(), bytes("ab"));
  });
});
