/**
 * The public surface: exactly these names, values and types, of each entry point. What stands here
 * has to stay for ever, so a new name is a decision, not a side effect.
 */
import { readFile } from "node:fs/promises";
import { assert, assertEquals } from "./_assert.ts";
import { describe, it } from "./_harness.ts";
import { blank } from "./_source.ts";
import * as cli from "../src/cli/main.ts";
import * as client from "../src/client/mod.ts";
import * as protocol from "../src/protocol/mod.ts";
import * as serve from "../mod.ts";

interface EntryPoint {
  file: string;
  module: object;
  values: string[];
  types: string[];
}

const ENTRY_POINTS: Record<string, EntryPoint> = {
  "@fastcgi/serve": {
    file: "mod.ts",
    module: serve,
    values: ["FastCgiError", "serve", "serveConnection"],
    types: [
      "ConnectionOptions",
      "ErrorContext",
      "ErrorHandler",
      "FastCgiErrorCode",
      "FastCgiErrorOptions",
      "FastCgiServer",
      "ListenOnDescriptor",
      "ListenOnPath",
      "ListenOnPort",
      "ListenOptions",
      "ParamsView",
      "RemoteAddress",
      "ServeAddress",
      "ServeApplication",
      "ServeConnectionOptions",
      "ServeHandler",
      "ServeHandlerInfo",
      "ServeInit",
      "ServeOptions",
      "ServeRole",
      "ServeSettings",
      "ServerStats",
      "StreamPair",
    ],
  },
  "@fastcgi/serve/client": {
    file: "src/client/mod.ts",
    module: client,
    values: ["FastCgiClient", "StreamClient", "connect", "gateway", "serveGateway"],
    types: [
      "BodySpool",
      "ByteReader",
      "ByteStreams",
      "ClientFetchOptions",
      "ClientOptions",
      "ClientParamValue",
      "ClientParams",
      "ClientRole",
      "ConnectAddress",
      "FastCgiClientOptions",
      "Gateway",
      "GatewayHandler",
      "GatewayOptions",
      "GatewayParams",
      "GatewayPeer",
      "ServeGatewayOptions",
      "SocketStreams",
      "StreamClientOptions",
    ],
  },
  "@fastcgi/serve/cli": {
    file: "src/cli/main.ts",
    module: cli,
    values: ["fcgi"],
    types: [],
  },
  "@fastcgi/serve/protocol": {
    file: "src/protocol/mod.ts",
    module: protocol,
    values: [
      "FCGI_HEADER_LEN",
      "FCGI_KEEP_CONN",
      "FCGI_MAX_CONTENT_LEN",
      "FCGI_NULL_REQUEST_ID",
      "FCGI_VERSION_1",
      "FastCgiError",
      "ProtocolStatus",
      "RecordDecoder",
      "RecordDecoderStream",
      "RecordEncoderStream",
      "RecordType",
      "Role",
      "answerGetValues",
      "answerManagement",
      "decodeBeginRequest",
      "decodeEndRequest",
      "decodeNameValues",
      "decodeUnknownType",
      "encodeBeginRequest",
      "encodeEndRequest",
      "encodeGetValues",
      "encodeNameValues",
      "encodeRecord",
      "encodeStream",
      "encodeUnknownType",
      "forEachNameValue",
      "isKnownType",
    ],
    types: [
      "BeginRequestBody",
      "EndRequestBody",
      "FastCgiErrorCode",
      "FastCgiErrorOptions",
      "FastCgiRecord",
      "ManagementValues",
      "NameOrValue",
    ],
  },
};

/** The names that a module exports as types, by its text; `null` if it has an `export *`. */
function exportedTypes(text: string): string[] | null {
  const { code } = blank(text);
  if (/\bexport\s+(?:type\s+)?\*/.test(code)) return null;
  const names: string[] = [];
  for (const [, typeOnly, members = ""] of code.matchAll(/\bexport\s+(type\s+)?\{([^}]*)\}/g)) {
    for (const member of members.split(",").map((member) => member.trim())) {
      if (member === "" || (typeOnly === undefined && !member.startsWith("type "))) continue;
      names.push(member.replace(/^type\s+/, "").replace(/^.*\sas\s+/, ""));
    }
  }
  return names.sort();
}

describe("public surface", () => {
  for (const [name, { file, module, values, types }] of Object.entries(ENTRY_POINTS)) {
    it(`of ${name} is this list of values`, () => {
      assertEquals(Object.keys(module).sort(), values);
    });

    it(`of ${name} is this list of types, named one by one`, async () => {
      const text = await readFile(new URL(`../${file}`, import.meta.url), "utf8");
      assertEquals(exportedTypes(text), types);
    });
  }

  it("has every entry point of deno.json", async () => {
    const { exports } = JSON.parse(
      await readFile(new URL("../deno.json", import.meta.url), "utf8"),
    ) as { exports: Record<string, string> };
    const files = Object.values(ENTRY_POINTS).map(({ file }) => `./${file}`);
    assertEquals(Object.values(exports).sort(), files.sort());
  });

  it("is read with types apart, and not past an export of everything", () => {
    const text = `export { a, type B as C } from "./x.ts"; export type { D } from "./y.ts";`;
    assertEquals(exportedTypes(text), ["C", "D"]);
    assert(exportedTypes(`export * from "./x.ts";`) === null);
  });
});
