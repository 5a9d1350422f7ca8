import { inspect } from "node:util";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
} from "../_assert.ts";
import { describe, it } from "../_harness.ts";
import { utf8AsLatin1 } from "../_bytes.ts";
import { Role } from "../../src/protocol/mod.ts";
import type { ServeHandlerInfo } from "../../mod.ts";
import { ManualBody } from "./_manual_body.ts";
import { Peer, type PeerOptions } from "./_peer.ts";
import { quiet } from "./_quiet.ts";
import { abort, at, request, type RequestSpec } from "./_request.ts";

/** With symbols, which `Object.getOwnPropertyDescriptors` has no type for. */
function descriptorsOf(object: object): PropertyDescriptorMap {
  return Object.getOwnPropertyDescriptors(object);
}

/** What a handler sees of its info, for one request. */
async function seen<T>(
  look: (info: ServeHandlerInfo) => T,
  spec: RequestSpec = {},
  options: PeerOptions = {},
): Promise<T> {
  const { promise, resolve } = Promise.withResolvers<{ value: T }>();
  await using peer = new Peer((_, info) => {
    resolve({ value: look(info) });
    return new Response();
  }, options);
  await peer.ask(spec);
  return (await promise).value;
}

describe("HandlerInfo", () => {
  describe("params", () => {
    it("are what the web server sent, byte for byte", async () => {
      const value = utf8AsLatin1("Zoë €") + "\x00\x80\xff\r\n";
      const all = await seen(({ params }) => Object.fromEntries(params), {
        params: { REMOTE_USER: value, EMPTY: "", lower_case: "kept", "odd-name.x=y": "z" },
      });
      assertEquals(all, {
        REQUEST_METHOD: "GET",
        REQUEST_URI: "/",
        HTTP_HOST: "example.org",
        SERVER_PROTOCOL: "HTTP/1.1",
        REMOTE_USER: value,
        EMPTY: "",
        lower_case: "kept",
        "odd-name.x=y": "z",
      });
    });

    it("have get, has and size", async () => {
      const found = await seen(
        ({ params }) => [
          params.get("EMPTY"),
          params.has("EMPTY"),
          params.get("NONE"),
          params.has("NONE"),
          params.get("request_method"),
          params.size,
        ],
        { params: { EMPTY: "" } },
      );
      assertEquals(found, ["", true, undefined, false, undefined, 5]);
    });

    it("that come twice are joined if they are headers, else the last counts", async () => {
      const found = await seen(
        ({ params }) => ["HTTP_X_A", "HTTP_COOKIE", "SCRIPT_NAME"].map((name) => params.get(name)),
        {
          params: [
            ["HTTP_X_A", "1"],
            ["HTTP_COOKIE", "a=1"],
            ["SCRIPT_NAME", "/first"],
            ["HTTP_X_A", "2"],
            ["HTTP_COOKIE", "b=2"],
            ["SCRIPT_NAME", "/last"],
          ],
        },
      );
      assertEquals(found, ["1, 2", "a=1; b=2", "/last"]);
    });

    it("stay readable after the answer, and apart from those of the next request", async () => {
      const kept: ServeHandlerInfo[] = [];
      await using peer = new Peer((_, info) => {
        kept.push(info);
        return new Response();
      });
      await peer.ask({ params: { WHICH: "first" } });
      await peer.ask({ params: { WHICH: "second" } });
      assertEquals(kept.map(({ params }) => params.get("WHICH")), ["first", "second"]);
    });
  });

  describe("remoteAddr", () => {
    it("is the HTTP client's address and port", async () => {
      const addr = await seen(({ remoteAddr }) => remoteAddr, {
        params: { REMOTE_ADDR: "192.0.2.7", REMOTE_PORT: "54321" },
      });
      assertEquals(addr, { transport: "tcp", hostname: "192.0.2.7", port: 54321 });
    });

    it("has no brackets around IPv6", async () => {
      const addr = await seen(({ remoteAddr }) => remoteAddr, {
        params: { REMOTE_ADDR: "[2001:db8::1]", REMOTE_PORT: "1" },
      });
      assertEquals(addr, { transport: "tcp", hostname: "2001:db8::1", port: 1 });
    });

    it("is empty where the web server did not say", async () => {
      const addr = await seen(({ remoteAddr }) => remoteAddr);
      assertEquals(addr, { transport: "tcp", hostname: "", port: 0 });
    });
  });

  it("role is what the web server asks for", async () => {
    const roles = ["responder", "authorizer", "filter"] as const;
    for (const [i, role] of [Role.RESPONDER, Role.AUTHORIZER, Role.FILTER].entries()) {
      assertEquals(await seen((info) => info.role, { role }, { roles }), roles[i]);
    }
  });

  it("data is null but for a filter", async () => {
    const roles = ["responder", "authorizer", "filter"] as const;
    const isNull = (role: number) =>
      seen((info) => info.data === null, { role, data: "data" }, { roles });
    assertEquals(await Promise.all([1, 2, 3].map(isNull)), [true, true, false]);
  });

  it("scriptName and pathInfo are the decoded path, split where the application is mounted", async () => {
    const split = (params: Record<string, string>, options: PeerOptions = {}) =>
      seen((info) => [info.scriptName, info.pathInfo], { params }, options);
    const params = {
      REQUEST_URI: "/app/%C3%A4?x=y",
      SCRIPT_NAME: "/app",
      PATH_INFO: utf8AsLatin1("/ä"),
    };
    assertEquals(await split(params), ["/app", "/ä"]);
    assertEquals(await split(params, { basePath: "/" }), ["", "/app/ä"]);
    assertEquals(await split(params, { mount: "/" }), ["", "/app/ä"]);
    assertEquals(await split({ REQUEST_URI: "/app/x" }, { basePath: "/app" }), ["/app", "/x"]);
  });

  it("url is the public one, request.url the same or what is below the mount point", async () => {
    const urls = async (uri: string, options: PeerOptions = {}) => {
      await using peer = new Peer(
        ({ url }, info) => Response.json([url, info.url, info.scriptName, info.pathInfo]),
        options,
      );
      return JSON.parse((await peer.ask(at(uri))).text);
    };
    const mount = "/yourapplication";
    const h = "http://example.org";
    for (const uri of ["/yourapplication/x?y", "/", "/a/../b%2Fc?%ff"]) {
      const [url, info] = await urls(uri);
      assertEquals(info, url);
    }
    for (const written of [mount, "yourapplication", "/yourapplication//"]) {
      assertEquals(
        await urls("/yourapplication/x%2Fy?z", { mount: written }),
        [`${h}/x%2Fy?z`, `${h}/yourapplication/x%2Fy?z`, mount, "/x/y"],
      );
    }
    assertEquals(await urls(mount, { mount }), [`${h}/`, h + mount, mount, ""]);
    for (const root of ["/", ""]) {
      assertEquals(await urls("/a/b", { mount: root }), [`${h}/a/b`, `${h}/a/b`, "", "/a/b"]);
    }
  });

  it("can be taken apart", async () => {
    await using peer = new Peer((_, { log, waitUntil, params, completed }) => {
      log("taken apart");
      waitUntil(completed);
      return new Response(params.get("REQUEST_METHOD"));
    });
    const reply = await peer.ask({ keep: false });
    assertEquals([reply.text, reply.stderr], ["GET", "taken apart\n"]);
    await peer.finish();
  });

  describe("in the hands of a framework", () => {
    const all = [
      "params",
      "remoteAddr",
      "role",
      "data",
      "url",
      "scriptName",
      "pathInfo",
      "log",
      "waitUntil",
      "completed",
    ] as const;
    type Name = typeof all[number];
    const params = { REMOTE_ADDR: "192.0.2.7", REMOTE_PORT: "1", REQUEST_URI: "/a/b?c" };

    /** What an info, or what is made of one, shows under these names, comparable. */
    function shown(info: ServeHandlerInfo, names: readonly Name[] = all): unknown[] {
      return names.map((name) => {
        const value = info[name];
        if (typeof value === "function") return [name, "function"];
        if (value instanceof Promise) return [name, "promise"];
        return [name, name === "params" ? [...info.params] : value];
      });
    }

    for (
      const [how, make] of Object.entries<(info: ServeHandlerInfo) => ServeHandlerInfo>({
        "itself": (info) => info,
        "an object that inherits from it": (info) => Object.create(info),
        "an object whose prototype it becomes": (info) => Object.setPrototypeOf({}, info),
        "a proxy of it": (info) => new Proxy(info, {}),
        "a proxy that reflects": (info) =>
          new Proxy(info, { get: (target, name, proxy) => Reflect.get(target, name, proxy) }),
        "a proxy of an object that inherits from it": (info) => new Proxy(Object.create(info), {}),
      })
    ) {
      it(`shows everything as ${how}`, async () => {
        const [before, after] = await seen((info) => [shown(info), shown(make(info))], { params });
        assertEquals(after, before);
        assertEquals(before!.slice(1, 3), [
          ["remoteAddr", { transport: "tcp", hostname: "192.0.2.7", port: 1 }],
          ["role", "responder"],
        ]);
      });

      it(`keeps what is assigned to ${how}, under its own names, too, and no other is touched`, async () => {
        for (const name of all) {
          const others = all.filter((other) => other !== name);
          const result = await seen((info) => {
            const before = shown(info, others);
            const made = Object.assign(make(info), { [name]: 1, more: 2 });
            return { before, after: shown(made, others), value: made[name], more: made.more };
          }, { params });
          assertEquals(result.value as unknown, 1, name);
          assertEquals([result.more, result.after], [2, result.before]);
        }
      });

      it(`logs and waits when it is taken apart as ${how}`, async () => {
        await using peer = new Peer((_, info) => {
          const { log, waitUntil, completed } = make(info);
          log("taken apart");
          waitUntil(completed);
          return new Response();
        });
        assertEquals((await peer.ask({ keep: false })).stderr, "taken apart\n");
        await peer.finish();
      });
    }

    it("does not see what is assigned to an object that inherits from it", async () => {
      const [before, after] = await seen((info) => {
        const before = shown(info);
        Object.assign(Object.create(info), Object.fromEntries(all.map((name) => [name, 1])));
        return [before, shown(info)];
      }, { params });
      assertEquals(after, before);
    });

    it("lists its names in a for-in loop", async () => {
      const names = await seen((info) => {
        const names: string[] = [];
        for (const name in info) names.push(name);
        return names;
      });
      assertEquals(names.toSorted(), all.toSorted());
    });

    for (
      const [how, make] of Object.entries<(info: ServeHandlerInfo) => ServeHandlerInfo>({
        "spread": (info) => ({ ...info }),
        "taken apart with a rest": ({ ...rest }) => rest,
        "assigned": (info) => Object.assign({}, info),
        "defined again": (info) => {
          return Object.defineProperties({}, descriptorsOf(info)) as ServeHandlerInfo;
        },
        "copied by its names": (info) =>
          Object.fromEntries(Object.entries(info)) as unknown as ServeHandlerInfo,
        "frozen": (info) => Object.freeze(info),
      })
    ) {
      it(`shows everything when it is ${how}`, async () => {
        const [before, after, again] = await seen((info) => {
          return [shown(info), shown(make(info)), shown(info)];
        }, { params });
        assertEquals(after, before);
        assertEquals(again, before);
      });

      it(`shows what was assigned before when it is ${how}`, async () => {
        for (const name of all) {
          const value = await seen((info) => {
            Object.assign(info, { [name]: 1 });
            return make(info)[name];
          }, { params });
          assertEquals(value as unknown, 1, name);
        }
      });
    }

    // fetch-router does, with whatever a server gives its `fetch` beside the request.
    it("leaves method and body of a request alone that is made with it", async () => {
      await using peer = new Peer(async (request, info) => {
        const made = new Request(request, info as RequestInit);
        return Response.json([made.method, await made.text()]);
      });
      const reply = await peer.ask({
        method: "POST",
        stdin: "kept",
        params: { CONTENT_LENGTH: "4" },
      });
      assertEquals(JSON.parse(reply.text), ["POST", "kept"]);
    });

    it("keeps its own properties whatever prototype it gets", async () => {
      const url = await seen((info) => Object.setPrototypeOf(info, null).url, { params });
      assertEquals(url, "http://example.org/a/b?c");
    });

    it("keeps a value of which only the attributes are defined", async () => {
      const shownUrl = await seen((info) => {
        Object.defineProperty(info, "url", { enumerable: false });
        return info.url;
      }, { params });
      assertEquals(shownUrl, "http://example.org/a/b?c");
    });

    it("prints nothing of the connection", async () => {
      const text = await seen((info) => inspect(info, { depth: 10, showHidden: true }));
      assertStringIncludes(text, "params");
      assertEquals(/exchange:|connection|service/i.test(text), false, text);
    });
  });

  describe("waitUntil", () => {
    it("does not hold back the answer", async () => {
      const gate = Promise.withResolvers<void>();
      await using peer = new Peer((_, { waitUntil }) => {
        waitUntil(gate.promise);
        return new Response("now");
      });
      assertEquals((await peer.ask()).text, "now");
      gate.resolve();
    });

    it("keeps serveConnection pending until every promise has settled", async () => {
      const gates = [1, 2, 3].map(() => Promise.withResolvers<void>());
      await using peer = new Peer((_, { waitUntil }) => {
        for (const { promise } of gates) waitUntil(promise);
        return new Response();
      });
      await peer.ask({ keep: false });
      await peer.rest();
      await peer.close();
      for (const { resolve } of gates) {
        await quiet(() => peer.writes.length);
        assertEquals(peer.isServed, false);
        resolve();
      }
      await peer.served;
    });

    it("may be called after the answer, by what waitUntil keeps", async () => {
      const [first, second] = [1, 2].map(() => Promise.withResolvers<void>());
      await using peer = new Peer((_, { waitUntil }) => {
        waitUntil(first.promise.then(() => waitUntil(second.promise)));
        return new Response();
      });
      await peer.ask({ keep: false });
      await peer.rest();
      await peer.close();
      first.resolve();
      await quiet(() => peer.writes.length);
      assertEquals(peer.isServed, false);
      second.resolve();
      await peer.served;
    });

    it("tells onError of a rejection, and the process lives", async () => {
      await using peer = new Peer((_, { waitUntil }) => {
        waitUntil(Promise.reject(new Error("in the background")));
        return new Response("fine");
      });
      assertEquals((await peer.ask()).text, "fine");
      assertEquals((await peer.ask()).text, "fine");
      const errors = peer.takeErrors();
      assertEquals(errors.length, 2);
      assertStringIncludes(String(errors[0]), "in the background");
    });
  });

  describe("completed", () => {
    it("resolves when the whole response has been handed over, not before", async () => {
      const body = new ManualBody();
      let state = "pending";
      const completed = Promise.withResolvers<void>();
      await using peer = new Peer((_, info) => {
        info.completed.then(() => state = "resolved").then(() => completed.resolve());
        return new Response(body.stream);
      });
      void peer.send(request());
      await peer.nextOf();
      body.push("more");
      await peer.nextOf();
      assertEquals(state, "pending");
      body.close();
      await completed.promise;
      assertEquals((await peer.reply()).types, [6, 3]);
    });

    it("is the same promise each time", async () => {
      assert(
        await seen((info) => {
          const { completed } = info;
          return completed === info.completed;
        }),
      );
    });

    it("resolves when it is asked for only after the answer", async () => {
      const info = Promise.withResolvers<ServeHandlerInfo>();
      await using peer = new Peer((_, given) => {
        info.resolve(given);
        return new Response();
      });
      await peer.ask();
      await (await info.promise).completed;
    });

    it("rejects when it is asked for only after an abort", async () => {
      const info = Promise.withResolvers<ServeHandlerInfo>();
      await using peer = new Peer((_, given) => {
        info.resolve(given);
        return new Promise(() => {});
      });
      void peer.send(request());
      const given = await info.promise;
      void peer.send(abort());
      await peer.reply();
      await assertRejects(() => given.completed, DOMException);
    });

    it("rejects when the connection is lost", async () => {
      const settled = Promise.withResolvers<unknown>();
      const body = new ManualBody();
      await using peer = new Peer((_, info) => {
        info.completed.then(() => settled.resolve("resolved"), settled.resolve);
        return new Response(body.stream);
      });
      void peer.send(request());
      await peer.nextOf();
      peer.hangUp(new Error("ECONNRESET"));
      assertInstanceOf(await settled.promise, Error);
    });

    it("that nobody looks at rejects no process to death", async () => {
      const body = new ManualBody();
      await using peer = new Peer((_, info) => {
        void info.completed;
        return new Response(body.stream);
      });
      void peer.send(request());
      await peer.nextOf();
      peer.hangUp(new Error("ECONNRESET"));
      await peer.served;
    });
  });
});
