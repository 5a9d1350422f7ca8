/**
 * One test harness over `Deno.test`, `bun:test` and `node:test`, with the names of Deno's standard
 * library (`@std/testing/bdd`), so that one suite runs everywhere without it. The assertions are in
 * `_assert.ts`.
 *
 * The plan: `describe` collects a tree; when the outermost `describe` returns, each test of the
 * tree is registered with the runtime's own runner as a flat test named `suite > test`. Hooks,
 * deadlines and skips live here, so they mean the same on every runtime; failures, counts and
 * filters are the runner's own.
 *
 * ```ts ignore
 * describe("RecordDecoder", () => {
 *   it("takes a header split anywhere", () => assertEquals(1 + 1, 2));
 *   it.ignore("reads fd 0", "Bun has no such API");              // a named skip, with its reason
 *   it("accepts", { skip: !nginx && "nginx is not installed", timeout: 5_000 }, async () => {});
 * });
 * ```
 *
 * @module
 */
import process from "node:process";

/** What one test or hook does. */
export type TestBody = () => void | Promise<void>;

/** Options of `describe` and `it`; a suite's options hold for everything inside it. */
export interface TestOptions {
  /** The reason why it does not run here; `false` or nothing: it runs. */
  skip?: string | false | null | undefined;
  /** Milliseconds after which a body or a hook that has not settled fails. @default {10_000} */
  timeout?: number;
  /**
   * Deno only: fail when a test leaves a timer, an operation or a resource behind. Always off where
   * `beforeAll` or `afterAll` are at work: what those open outlives one test on purpose.
   *
   * @default {true}
   */
  sanitize?: boolean;
}

type HookName = "beforeAll" | "afterAll" | "beforeEach" | "afterEach";

interface Suite {
  name: string;
  parent: Suite | null;
  options: TestOptions;
  hooks: Record<HookName, TestBody[]>;
  /** Tests that have not run yet; `afterAll` runs when the last one has. */
  remaining: number;
  state: "waiting" | "started" | "over";
  /** What `beforeAll` threw: every test of the suite fails with it. */
  broken: { error: unknown } | null;
}

interface Test {
  name: string;
  suite: Suite | null;
  options: TestOptions;
  body: TestBody;
}

interface Runner {
  test(
    name: string,
    options: { skip: boolean; timeout: number; sanitize: boolean },
    body: TestBody,
  ): void;
  /** Called when the file's last test is over. */
  afterFile(body: TestBody): void;
}

/**
 * The deadline of a body or a hook, unless `timeout` says otherwise: far above any honest unit
 * test.
 */
const DEFAULT_TIMEOUT = 10_000;
/** What the runner's own deadline adds to ours: hooks have theirs, and ours must speak first. */
const RUNNER_GRACE = 60_000;

const runner: Runner = await loadRunner();
let current: Suite | null = null;
let collected: Test[] = [];

async function loadRunner(): Promise<Runner> {
  if (typeof Deno !== "undefined") {
    return {
      test: (name, { skip, timeout, sanitize }, fn) =>
        // Deno's sanitizers are off by default: ask for them.
        Deno.test({
          name,
          ignore: skip,
          timeout,
          sanitizeOps: sanitize,
          sanitizeResources: sanitize,
          fn,
        }),
      afterFile: (body) => Deno.test.afterAll(body),
    };
  }
  // In a variable, so that neither `deno check` nor Node tries to resolve the other's module.
  const module: string = process.versions.bun ? "bun:test" : "node:test";
  const { test, after, afterAll } = await import(module);
  if (process.versions.bun) {
    return {
      test: (name, { skip, timeout }, body) =>
        skip ? test.skip(name, body) : test(name, body, timeout),
      afterFile: (body) => afterAll(body, RUNNER_GRACE),
    };
  }
  return {
    test: (name, { skip, timeout }, body) => void test(name, { skip, timeout }, body),
    afterFile: (body) => after(body),
  };
}

/** A suite: everything inside shares its hooks and options. The body must be synchronous. */
export function describe(name: string, body: () => void): void;
export function describe(name: string, options: TestOptions, body: () => void): void;
export function describe(name: string, ...rest: [() => void] | [TestOptions, () => void]): void {
  const [options, body] = rest.length === 1 ? [{}, rest[0]] : rest;
  const suite: Suite = {
    name,
    parent: current,
    options: { ...current?.options, ...dropUndefined(options) },
    hooks: { beforeAll: [], afterAll: [], beforeEach: [], afterEach: [] },
    remaining: 0,
    state: "waiting",
    broken: null,
  };
  current = suite;
  try {
    const returned: unknown = body();
    if (returned instanceof Promise) {
      throw new TypeError(`The body of describe() must be synchronous: ${name}`);
    }
  } finally {
    current = suite.parent;
  }
  if (suite.hooks.beforeAll.length + suite.hooks.afterAll.length > 0) {
    // A filter, or a deadline, may keep the last test from running: then this is the time to clean
    // up.
    runner.afterFile(() => finish(suite));
  }
  if (current === null) registerCollected();
}

/** A suite that does not run here, for the reason given. */
function ignoreSuite(name: string, reason: string, body: () => void): void {
  describe(name, { skip: required(reason, name) }, body);
}
describe.skip = ignoreSuite;
describe.ignore = ignoreSuite;

/** A test. */
export function it(name: string, body: TestBody): void;
export function it(name: string, options: TestOptions, body: TestBody): void;
export function it(name: string, ...rest: [TestBody] | [TestOptions, TestBody]): void {
  const [options, body] = rest.length === 1 ? [{}, rest[0]] : rest;
  const test = {
    name,
    suite: current,
    options: { ...current?.options, ...dropUndefined(options) },
    body,
  };
  collected.push(test);
  if (current === null) registerCollected();
}

/** A test that does not run here, for the reason given: a named skip. */
function ignoreTest(name: string, reason: string, body: TestBody = () => {}): void {
  it(name, { skip: required(reason, name) }, body);
}
it.skip = ignoreTest;
it.ignore = ignoreTest;

export const beforeAll = (body: TestBody): void => addHook("beforeAll", body);
export const afterAll = (body: TestBody): void => addHook("afterAll", body);
export const beforeEach = (body: TestBody): void => addHook("beforeEach", body);
export const afterEach = (body: TestBody): void => addHook("afterEach", body);

function addHook(name: HookName, body: TestBody): void {
  // Bun runs all files in one process: a hook outside any suite would leak into other files.
  if (current === null) throw new TypeError(`Hooks must be inside describe(): ${name}`);
  current.hooks[name].push(body);
}

function required(reason: string, name: string): string {
  if (typeof reason !== "string" || reason.trim() === "") {
    throw new TypeError(`A skip must have a reason: ${name}`);
  }
  return reason;
}

/** `{ skip: undefined }` must not hide the suite's own value. */
function dropUndefined(options: TestOptions): TestOptions {
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined && value !== null),
  );
}

/** The suites around a test, outermost first. */
function suitesOf(test: Test): Suite[] {
  const suites: Suite[] = [];
  for (let suite = test.suite; suite !== null; suite = suite.parent) suites.unshift(suite);
  return suites;
}

function registerCollected(): void {
  const tests = collected;
  collected = [];
  for (const test of tests) {
    if (!test.options.skip) { for (const suite of suitesOf(test)) suite.remaining++; }
  }
  for (const test of tests) {
    const suites = suitesOf(test);
    const skip = test.options.skip || "";
    const name = [...suites.map((suite) => suite.name), test.name].join(" > ");
    const shared = suites.some(({ hooks }) => hooks.beforeAll.length + hooks.afterAll.length > 0);
    runner.test(
      // The reason travels in the name: the only place that all three runners report.
      skip ? `${name} [skip: ${skip}]` : name,
      {
        skip: skip !== "",
        timeout: (test.options.timeout ?? DEFAULT_TIMEOUT) + RUNNER_GRACE,
        sanitize: (test.options.sanitize ?? true) && !shared,
      },
      () => run(test, suites),
    );
  }
}

async function run(test: Test, suites: Suite[]): Promise<void> {
  const errors: unknown[] = [];
  const attempt = async (step: () => Promise<void>) => {
    try {
      await step();
    } catch (error) {
      errors.push(error);
    }
  };
  for (const suite of suites) {
    if (errors.length === 0) await attempt(() => start(suite));
  }
  if (errors.length === 0) {
    for (const suite of suites) {
      if (errors.length === 0) await attempt(() => runHooks(suite, "beforeEach"));
    }
    if (errors.length === 0) await attempt(() => settle("Test", test.options, test.body));
    for (const suite of suites.toReversed()) await attempt(() => runHooks(suite, "afterEach"));
  }
  for (const suite of suites.toReversed()) {
    if (--suite.remaining === 0) await attempt(() => finish(suite));
  }
  if (errors.length > 1) throw new AggregateError(errors, errors.map(String).join("\n"));
  if (errors.length === 1) throw errors[0];
}

async function runHooks(suite: Suite, name: HookName): Promise<void> {
  for (const hook of suite.hooks[name]) await settle(name, suite.options, hook);
}

async function start(suite: Suite): Promise<void> {
  if (suite.state === "waiting") {
    suite.state = "started";
    try {
      await runHooks(suite, "beforeAll");
    } catch (error) {
      suite.broken = { error };
    }
  }
  if (suite.broken !== null) throw suite.broken.error;
}

async function finish(suite: Suite): Promise<void> {
  if (suite.state !== "started") return;
  suite.state = "over";
  await runHooks(suite, "afterAll");
}

/** Waits for `body`, and fails when it has not settled in time: a test that hangs must say so. */
async function settle(what: string, options: TestOptions, body: TestBody): Promise<void> {
  const { timeout = DEFAULT_TIMEOUT } = options;
  const { promise, reject } = Promise.withResolvers<never>();
  const error = new Error(`${what} did not settle within ${timeout} ms`);
  const timer = setTimeout(reject, timeout, error);
  try {
    await Promise.race([body(), promise]);
  } finally {
    clearTimeout(timer);
  }
}
