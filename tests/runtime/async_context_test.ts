/**
 * That no request sees the async context of another, over sockets: what a runtime's own callbacks
 * carry shows only there.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { join as joinPath } from "node:path";
import { serve, type ServeHandler, type ServeOptions } from "../../mod.ts";
import { assertEquals } from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { tempDir } from "../_runtime.ts";
import { join, RawPeer, request } from "./_raw_peer.ts";

const storage = new AsyncLocalStorage<string>();
const IDS = [1, 3, 5, 7, 9, 11, 13, 15];
const NOTHING = IDS.map(() => "undefined");

/** Tells what it sees, and enters something of its own, before it waits and behind it. */
const enter: ServeHandler = async (request) => {
  const seen = storage.getStore();
  storage.enterWith(request.url);
  const text = await request.text();
  storage.enterWith(request.url + text);
  return new Response(`${seen}`);
};

for (const transport of ["tcp", "unix"] as const) {
  describe(`the async context of a request on a socket: ${transport}`, () => {
    /** Serves while `ask` asks. */
    async function serving(
      ask: (connect: () => Promise<RawPeer>) => Promise<void>,
      options: Pick<ServeOptions, "onListen" | "onError"> = {},
    ): Promise<void> {
      await using directory = await tempDir();
      const place = transport === "tcp"
        ? { port: 0 }
        : { path: joinPath(directory.path, "fcgi.sock") };
      const server = serve({
        onListen: () => {},
        ...options,
        ...place,
      }, enter);
      try {
        const address = await server.ready;
        await ask(() => RawPeer.connect(address));
      } finally {
        await server.shutdown();
      }
    }

    /** Asks with each id, in one write, and returns what they say. */
    async function askTogether(peer: RawPeer): Promise<string[]> {
      peer.send(join(...IDS.map((id) => request({ id, method: "POST" }))));
      return await Promise.all(IDS.map(async (id) => (await peer.reply(id)).text));
    }

    it("is not seen by the others of the same read", async () => {
      await serving(async (connect) => {
        await using peer = await connect();
        assertEquals(await askTogether(peer), NOTHING);
        assertEquals(await askTogether(peer), NOTHING);
      });
    });

    it("is not seen by the next on a kept connection, nor on another", async () => {
      await serving(async (connect) => {
        for (let round = 0; round < 3; round++) {
          await using peer = await connect();
          // Larger than what is read at once: reading is begun again by whoever reads the body.
          const body = new Uint8Array(300_000);
          for (let i = 0; i < 4; i++) {
            assertEquals((await peer.fetch({ method: "POST", body })).text, "undefined");
          }
        }
      });
    });

    it("is not that of onListen, but that of the call of serve()", async () => {
      const onListen = () => storage.enterWith("onListen");
      await serving(async (connect) => {
        await using peer = await connect();
        assertEquals(await askTogether(peer), NOTHING);
      }, { onListen });
      await storage.run("served", () =>
        serving(async (connect) => {
          await using peer = await storage.run("asked", connect);
          assertEquals(await askTogether(peer), IDS.map(() => "served"));
        }));
    });
  });
}
