import type { ServeApplication, ServeHandler } from "./handler.ts";

/**
 * The handler of an application: its `fetch` method, looked up for each request and called on it,
 * or the function itself. `undefined` if it is neither.
 *
 * The method has precedence: GraphQL Yoga is a function that takes Node's requests, too, and has a
 * `fetch`.
 */
export function handlerOf(application: unknown): ServeHandler | undefined {
  if (isApplication(application)) {
    // A thenable of a framework works, too, though `ServeHandler` has `Promise`.
    return (request, info) => application.fetch(request, info) as ReturnType<ServeHandler>;
  }
  return typeof application === "function" ? application as ServeHandler : undefined;
}

/** Whether `value` is an object or a function with a `fetch` method. */
function isApplication(value: unknown): value is ServeApplication {
  if (value === null || (typeof value !== "object" && typeof value !== "function")) return false;
  return "fetch" in value && typeof value.fetch === "function";
}
