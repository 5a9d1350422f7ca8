import type { Exchange } from "./exchange.ts";
import type { ErrorContext } from "./handler.ts";

/** What `onError` is told of the request that an error belongs to, once its handler was called. */
export function errorContext({ request, info }: Exchange): ErrorContext {
  return request === undefined ? {} : { request, info };
}
