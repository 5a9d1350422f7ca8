/** Responses of the gateway's own. */
import { reasonPhrase } from "../../cgi/status.ts";

// As loaded: applications replace the global.
const { Response } = globalThis;

/** A short text that says what a status means. */
export function statusPage(status: number, headers: Record<string, string> = {}): Response {
  const explanation = EXPLANATIONS[status];
  const text = `${status} ${reasonPhrase(status)}\n${explanation ? `\n${explanation}\n` : ""}`;
  return new Response(text, {
    status,
    headers: {
      ...headers,
      "content-type": "text/plain; charset=utf-8",
      // All of it is ASCII.
      "content-length": String(text.length),
    },
  });
}

const EXPLANATIONS: Record<number, string> = {
  502: "The application cannot be reached, or broke off.",
  503: "Too many requests wait for the application.",
  504: "The application took too long.",
};
