/** Responses that are not the runtime's own: npm's undici, node-fetch and @whatwg-node/fetch. */
import { Buffer } from "node:buffer";
import { serve } from "../../../../mod.ts";
const undici = await import("undici");
const { default: nodeFetch, Response: NodeFetchResponse } = await import("node-fetch");
const whatwg = await import("@whatwg-node/fetch");
const { createServer } = await import("node:http");

const makers = {
  undici: undici.Response,
  "node-fetch": NodeFetchResponse,
  whatwg: whatwg.Response,
};

/** Something to fetch: a name that needs UTF-8, and a status of its own. */
const upstream = createServer((_request, response) => {
  response.writeHead(203, { "content-type": "text/plain", "set-cookie": ["a=1", "b=2"] });
  response.end("from é");
}).listen(0, "127.0.0.1");
const fetches = { undici: undici.fetch, "node-fetch": nodeFetch, whatwg: whatwg.fetch };

const handler = (request) => {
  const [, what, maker] = new URL(request.url).pathname.split("/");
  const headers = [["set-cookie", "a=1"], ["set-cookie", "b=2"], ["content-type", "text/plain"]];
  const make = (body) => new makers[maker](body, { status: 203, headers });
  switch (what) {
    case "text":
      return make("from é");
    case "bytes":
      return make(Buffer.from("from é"));
    case "nothing":
      return new makers[maker](null, { status: 204 });
    case "fetch":
      return fetches[maker](`http://127.0.0.1:${upstream.address().port}/`);
  }
};

serve(handler);
