// As loaded: applications replace the global.
const { ReadableStream, Response } = globalThis;

/**
 * The same response, whose end calls back, once: with `undefined` if it was whole, else with what
 * has become of it.
 */
export function watchEnd(
  response: Response,
  ended: (end: string | undefined) => void,
): Response {
  const { body, status, statusText, headers } = response;
  if (body === null) {
    ended(undefined);
    return response;
  }
  const reader = body.getReader();
  const watched = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (!done) return controller.enqueue(value);
        controller.close();
        ended(undefined);
      } catch (error) {
        controller.error(error);
        ended("broken off");
      }
    },
    async cancel(reason) {
      ended("the client has gone");
      await reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
  return new Response(watched, { status, statusText, headers });
}
