/**
 * A body whose parts come one after another, `interval` milliseconds apart, until there are no
 * more, or until nobody wants them any more.
 */
export function drip(
  parts: Iterable<string>,
  interval: number,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const encoder = new TextEncoder();
  const iterator = parts[Symbol.iterator]();
  let delay = 0;
  let timer: ReturnType<typeof setTimeout>;
  return new ReadableStream({
    async pull(controller) {
      await new Promise((resolve) => (timer = setTimeout(resolve, delay)));
      delay = interval;
      const { done, value } = iterator.next();
      if (done) controller.close();
      else controller.enqueue(encoder.encode(value));
    },
    // The visitor has gone: the next part is not waited for.
    cancel: () => clearTimeout(timer),
  });
}
