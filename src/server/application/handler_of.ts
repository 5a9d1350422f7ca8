import type { ServeApplication, ServeHandler } from "./handler.ts";

/**
 * The handler of an application: its `fetch` method, called on it and looked up for each request,
 * or the function that it is. `undefined` if it is neither.
 *
 * The method first: GraphQL Yoga is a function that takes Node's requests, too, and has a `fetch`.
 */
export function handlerOf(application: unknown): ServeHandler | undefined {
  if (isApplication(application)) {
    // A framework's own making of a promise will do, though `ServeHandler` speaks of `Promise`.
    return (request, info) => application.fetch(request, info) as ReturnType<ServeHandler>;
  }
  return typeof application === "function" ? application as ServeHandler : undefined;
}

/** Whether `value` is an object or a function with a `fetch` method. */
function isApplication(value: unknown): value is ServeApplication {
  if (value === null || (typeof value !== "object" && typeof value !== "function")) return false;
  return "fetch" in value && typeof value.fetch === "function";
}
