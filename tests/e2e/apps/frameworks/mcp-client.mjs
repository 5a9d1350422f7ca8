/** The client of MCP's SDK: talks to the site that the command line names, and prints what came. */
import process from "node:process";
const { Client } = await import("@modelcontextprotocol/sdk/client/index.js");
const { StreamableHTTPClientTransport } = await import(
  "@modelcontextprotocol/sdk/client/streamableHttp.js"
);

const transport = new StreamableHTTPClientTransport(new URL(`${process.argv[2]}/mcp`));
const client = new Client({ name: "test", version: "1.0.0" });
await client.connect(transport);
const id = transport.sessionId;
const server = client.getServerVersion().name;
const tools = (await client.listTools()).tools.map(({ name }) => name);
const { content } = await client.callTool({ name: "hello", arguments: { name: "adä" } });
const wrong = await client.callTool({ name: "hello", arguments: { name: 1 } });
await transport.terminateSession();
const after = await fetch(`${process.argv[2]}/mcp`, {
  method: "POST",
  headers: {
    "mcp-session-id": id,
    accept: "application/json, text/event-stream",
    "content-type": "application/json",
  },
  body: JSON.stringify({ jsonrpc: "2.0", id: 9, method: "tools/list" }),
});
await client.close();
console.log(JSON.stringify({ server, tools, content, wrong: wrong.isError, after: after.status }));
process.exit();
