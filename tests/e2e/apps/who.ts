/** Tells which process answers, and what it was asked: for several processes on one socket. */
import process from "node:process";
import { serve } from "../../../mod.ts";

serve((request) => new Response(`${process.pid} ${new URL(request.url).pathname}`));
