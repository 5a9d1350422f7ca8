/** How often a server writes to its socket: the kernel counts, through strace. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { assertEquals, assertGreater, assertLessOrEqual } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { spawnProgram, tempDir, which } from "../_runtime.ts";
import { RawPeer, request } from "../runtime/_raw_peer.ts";
import { runScript } from "../runtime/_script.ts";

const REQUESTS = 100;
/**
 * All that may put bytes on a socket; a server that used io_uring would show no write at all, and
 * fail.
 */
const CALLS =
  "write,writev,pwrite64,pwritev,sendto,sendmsg,sendmmsg,sendfile,splice,io_uring_enter";

const strace = await which("strace");
const skip = strace === null ? "strace is not installed" : await whyNotPermitted(strace);

/** Tracing may be forbidden to this user, or to everybody in a container. */
async function whyNotPermitted(strace: string): Promise<string | false> {
  await using program = await spawnProgram(strace, ["-e", "trace=none", "true"]);
  return (await program.exit).code !== 0 && `strace may not trace: ${program.stderr.text.trim()}`;
}

describe("writes to the socket", { skip, timeout: 30_000 }, () => {
  it(`are at most one per small reply, for ${REQUESTS} requests one after another`, async () => {
    const count = await countWrites(async (peer) => {
      for (let i = 0; i < REQUESTS; i++) {
        assertEquals((await peer.fetch({ uri: `/${i}` })).text, `Hello from /${i}\n`);
      }
    });
    assertGreater(count, 0);
    assertLessOrEqual(count, REQUESTS);
  });

  it("are at most one per small reply, for requests that come together", async () => {
    const count = await countWrites(async (peer) => {
      const ids = Array.from({ length: 20 }, (_, index) => index + 1);
      peer.send(...ids.map((id) => request({ id, uri: `/${id}` })));
      for (const id of ids) assertEquals((await peer.reply(id)).text, `Hello from /${id}\n`);
    });
    assertGreater(count, 0);
    assertLessOrEqual(count, 20);
  });

  it("are one for a small reply with a line for the log", async () => {
    const count = await countWrites(
      async (peer) => {
        assertEquals((await peer.fetch({ uri: "/log" })).stderr, "One line\n");
      },
      `serve({ port: 0 }, (_request, info) => {
      info.log("One line");
      return new Response("Hello\\n");
    });`,
    );
    assertEquals(count, 1);
  });
});

const HELLO = `serve({ port: 0 }, (request) => {
  return new Response(\`Hello from \${new URL(request.url).pathname}\\n\`);
});`;

/** Counts the calls that wrote to the connection of one peer. */
async function countWrites(
  work: (peer: RawPeer) => Promise<void>,
  source = HELLO,
): Promise<number> {
  await using directory = await tempDir();
  await using script = await runScript(source);
  const address = await script.address();
  await using peer = await RawPeer.connect(address);
  const output = join(directory.path, "calls");
  // -yy: the addresses of a socket instead of the bare descriptor.
  const args = [
    "-f",
    "-yy",
    "-e",
    `trace=${CALLS}`,
    "-o",
    output,
    "-p",
    String(script.program.pid),
  ];
  await using tracer = await spawnProgram(strace!, args);
  await tracer.waitForLine("stderr", /attached/);
  await work(peer);
  await tracer[Symbol.asyncDispose]();
  const lines = (await readFile(output, "utf8")).split("\n");
  const connection = `127.0.0.1:${address.port}->127.0.0.1:${peer.localPort}]`;
  // A call that another thread interrupts is told in two lines, the second without the descriptor.
  return lines.filter((line) => line.includes(connection)).length;
}
