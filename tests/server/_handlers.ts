/** Handlers that many tests serve. */
import type { ServeHandler } from "../../mod.ts";

/** Answers with a line, whatever it is asked. */
export const hello: ServeHandler = () => new Response("Hello\n");

/** Answers with the body as a stream, while it comes. */
export const echo: ServeHandler = (request) => new Response(request.body);

/** Answers with the body as text, once it has all come. */
export const echoText: ServeHandler = async (request) => new Response(await request.text());

/** Answers with the path of the URL. */
export const path: ServeHandler = (request) => new Response(new URL(request.url).pathname);
