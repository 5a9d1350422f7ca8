/** oRPC's own client: asks the site that the command line names, and prints what it was told. */
import process from "node:process";
const { createORPCClient } = await import("@orpc/client");
const { RPCLink } = await import("@orpc/client/fetch");

const client = createORPCClient(new RPCLink({ url: `${process.argv[2]}/rpc` }));
const hello = await client.hello("adä");
const refused = await client.refuse().catch(({ code, status, message }) => [code, status, message]);
const file = new File([new Uint8Array(3 * 1024 * 1024)], "plans.bin");
const uploaded = await client.upload(file);
const ticks = [];
for await (const tick of await client.ticks("é")) if (ticks.push(tick) === 3) break;
console.log(JSON.stringify({ hello, refused, uploaded, ticks }));
