// This library, on any of the three runtimes: <runtime> ours.ts <socket>
import process from "node:process";
import { serve } from "../../../mod.ts";
import { handler } from "./handler.ts";

serve({ path: process.argv[2] }, handler);
