/** Values that make trouble when text is made of them; JavaScript throws them all. */

/** What fails when anything is done with it: the text a test may find must not be looked for. */
class Trap extends Error {
  constructor() {
    super("A trap was stepped into");
  }
}

function trap(): never {
  throw new Trap();
}

/** A proxy all of whose traps throw. */
function trapped(): object {
  const traps = new Proxy({}, { get: () => trap });
  return new Proxy({}, traps);
}

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

/** An error with one property of another kind. */
function errorWith(descriptors: PropertyDescriptorMap): Error {
  return Object.defineProperties(new Error("Strange"), descriptors);
}

/** An error that is its own cause. */
function circular(): Error {
  const error = new Error("Outer");
  error.cause = new Error("Inner", { cause: error });
  return error;
}

function deep(): Error {
  let error = new Error("0");
  for (let i = 1; i < 30_000; i++) error = new Error(`${i}`, { cause: error });
  return error;
}

/** A promise that says what it is only by throwing. */
function strangePromise(): Promise<never> {
  const promise = Promise.reject(new Error("Of a strange promise"));
  promise.catch(() => {});
  return Object.defineProperty(promise, "constructor", { get: trap });
}

/** Makes each value, by a name for it. */
export const THROWN: Record<string, () => unknown> = {
  "undefined": () => undefined,
  "null": () => null,
  "a number": () => 42,
  "a bigint": () => 2n ** 64n,
  "a symbol": () => Symbol("symbolic"),
  "a function": () => trap,
  "a text with line feeds": () => "first\nsecond\r\n\u2028\u0085\x1b[31m\x9b31m",
  "a text of ten megabytes": () => "x".repeat(10_000_000),
  "an object": () => ({ status: 404 }),
  "an object without a prototype": () => Object.create(null),
  "an array of a million": () => new Array(1_000_000).fill("x"),
  "an object whose toString throws": () => ({ toString: trap }),
  "an object whose toString is no function": () => ({ toString: 1, valueOf: 1 }),
  "an object whose toString gives an object": () => ({ toString: () => ({}) }),
  "an object whose Symbol.toPrimitive throws": () => ({ [Symbol.toPrimitive]: trap }),
  "an object all of whose getters throw": () =>
    Object.defineProperties({}, {
      ...Object.fromEntries(
        ["name", "message", "stack", "cause", "errors", "code", "then", "status", "constructor"]
          .map((name) => [name, { get: trap, enumerable: true }]),
      ),
    }),
  "a proxy that throws": trapped,
  "a revoked proxy": revoked,
  "an error whose message throws": () => errorWith({ message: { get: trap } }),
  "an error whose name throws": () => errorWith({ name: { get: trap } }),
  "an error whose stack throws": () => errorWith({ stack: { get: trap } }),
  "an error whose toString throws": () => errorWith({ toString: { value: trap } }),
  "an error whose stack is a number": () => errorWith({ stack: { value: 1 } }),
  "an error whose name is a symbol": () => errorWith({ name: { value: Symbol("name") } }),
  "an error whose message is an object": () => errorWith({ message: { value: {} } }),
  "an error without a prototype": () => Object.setPrototypeOf(new Error("Strange"), null),
  "an error whose message has ten megabytes": () => new Error("x".repeat(10_000_000)),
  "an error whose cause is a revoked proxy": () => new Error("Strange", { cause: revoked() }),
  "an error whose cause throws": () => errorWith({ cause: { get: trap } }),
  "an error that is its own cause": circular,
  "an error of thirty thousand causes": deep,
  "an AggregateError of everything": () => new AggregateError([revoked(), null, circular()], "All"),
  "an AggregateError whose errors throw": () => errorWith({ errors: { value: trapped() } }),
  "an AggregateError without an end": () =>
    errorWith({ errors: { value: { length: Infinity, 0: "first" } } }),
  "a DOMException": () => new DOMException("Strange", "DataCloneError"),
  "a promise whose constructor throws": strangePromise,
  "a Response": () => new Response("x", { status: 404 }),
};
