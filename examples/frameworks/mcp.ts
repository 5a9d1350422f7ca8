// An MCP server over streamable HTTP: a server and a transport for each session.
import { AsyncLocalStorage } from "node:async_hooks";
import { serve, type ServeHandlerInfo } from "@fastcgi/serve";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js";
import { z } from "zod";

const infos = new AsyncLocalStorage<ServeHandlerInfo>();
const sessions = new Map<string, WebStandardStreamableHTTPServerTransport>();

async function open(): Promise<WebStandardStreamableHTTPServerTransport> {
  const server = new McpServer({ name: "hello", version: "1.0.0" });
  const inputSchema = { name: z.string() };
  server.registerTool("hello", { description: "Says hello", inputSchema }, ({ name }) => {
    const text = `Hello, ${name}, from ${infos.getStore()?.remoteAddr.hostname}`;
    return { content: [{ type: "text", text }] };
  });
  const transport = new WebStandardStreamableHTTPServerTransport({
    sessionIdGenerator: () => crypto.randomUUID(),
    onsessioninitialized: (id) => void sessions.set(id, transport),
    onsessionclosed: (id) => void sessions.delete(id),
  });
  await server.connect(transport);
  return transport;
}

serve({ path: "/run/app/fcgi.sock", mode: 0o660 }, async (request, info) => {
  if (new URL(request.url).pathname !== "/mcp") return new Response("Not found\n", { status: 404 });
  const id = request.headers.get("mcp-session-id");
  const transport = id === null ? await open() : sessions.get(id);
  // The client begins a new session then.
  if (transport === undefined) return new Response("No such session\n", { status: 404 });
  return infos.run(info, () => transport.handleRequest(request));
});
