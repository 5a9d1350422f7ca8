// node-fastcgi from npm: node node_fastcgi.ts <socket> <folder with node_modules>
import { createRequire } from "node:module";
import process from "node:process";

interface Reply {
  writeHead(status: number, headers: Record<string, string>): void;
  end(body: string): void;
}

const [socket, packages] = process.argv.slice(2);
const fcgi = createRequire(`${packages}/package.json`)("node-fastcgi");
fcgi.createServer((_request: unknown, reply: Reply) => {
  reply.writeHead(200, { "content-type": "text/plain" });
  reply.end("Hello, world!\n");
}).listen(socket);
