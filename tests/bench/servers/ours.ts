// This library, on any of the three runtimes: <runtime> ours.ts <socket>
import process from "node:process";
import { serve } from "../../../mod.ts";

serve(
  { path: process.argv[2] },
  () => new Response("Hello, world!\n", { headers: { "content-type": "text/plain" } }),
);
