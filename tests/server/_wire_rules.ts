import { RecordType } from "../../src/protocol/mod.ts";
import { assert, assertEquals } from "../_assert.ts";
import { type Bytes, latin1 } from "../_bytes.ts";
import { parseRecords, type RawRecord } from "../_records.ts";

/**
 * Rules for everything an application writes, whatever the test is about: whole records, aligned to
 * 8 bytes; a header block complete in the first record of an answer; STDERR never before it;
 * nothing behind an empty STDOUT but the end; one END_REQUEST and nothing after it.
 */
export function checkWireRules(writes: readonly Bytes[]): void {
  /** Records of each request so far, oldest first. */
  const answers = new Map<number, RawRecord[]>();
  for (const record of writes.flatMap((write) => parseRecords(write))) {
    const { version, type, id, content, padding } = record;
    // Eight zero bytes say that the answer broke off.
    if (version === 0) continue;
    assertEquals([version, (content.length + padding) % 8], [1, 0], "Version and alignment");
    if (id === 0) continue;
    const answer = answers.get(id) ?? [];
    answers.set(id, [...answer, record]);
    const isFirst = answer.length === 0;
    if (type === RecordType.END_REQUEST) {
      answers.delete(id);
    } else if (type === RecordType.STDERR) {
      assert(!isFirst, "STDERR came before STDOUT");
    } else {
      assertEquals(type, RecordType.STDOUT, "Type of a record");
      assertEquals(isEnded(answer), false, "STDOUT came after its end");
      if (isFirst) assert(latin1(content).includes("\r\n\r\n"), "The header block is cut");
    }
  }
}

function isEnded(answer: RawRecord[]): boolean {
  return answer.some(({ type, content }) => type === RecordType.STDOUT && content.length === 0);
}
