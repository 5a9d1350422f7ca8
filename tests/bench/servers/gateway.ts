// The gateway on any of the three runtimes: <runtime> gateway.ts <socket> <port>
import process from "node:process";
import { serveGateway } from "../../../src/client/mod.ts";

await serveGateway({ to: { path: process.argv[2] }, port: Number(process.argv[3]) });
