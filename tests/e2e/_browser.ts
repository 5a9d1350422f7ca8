/**
 * A real browser without a window: Chromium, driven over its DevTools protocol by the runtime's own
 * `WebSocket`.
 */
import { Buffer } from "node:buffer";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { type Program, spawnProgram, tempDir, waitUntil, which } from "../_runtime.ts";

const chromium = await which("chromium") ?? await which("chromium-browser");

/** The reason why no browser can be used here, or `false`. */
export const skipBrowser: string | false = chromium === null && "chromium is not installed";

/** Where pictures of the pages go, if anybody wants to look at them. */
const SCREENSHOTS = process.env.FCGI_TEST_SCREENSHOTS;

/** How long a page may take, in milliseconds. */
const PATIENCE = 15_000;

const ARGS = [
  "--headless=new",
  "--remote-debugging-port=0",
  "--window-size=1100,900",
  // Nothing goes out, and nothing is asked.
  ...["--no-first-run", "--no-default-browser-check", "--disable-background-networking"],
  ...["--disable-component-update", "--disable-sync", "--disable-gpu", "--disable-extensions"],
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
  // /dev/shm is small in containers.
  "--disable-dev-shm-usage",
  // Root has no sandbox, and the only pages are the test's.
  ...process.getuid?.() === 0 ? ["--no-sandbox"] : [],
];

/** What Chromium says: the answer to a command, or an event. */
interface Message {
  id?: number;
  method?: string;
  params?: Record<string, unknown>;
  result?: Record<string, unknown>;
  error?: { message: string };
}

/** Commands to Chromium and their answers. */
class DevTools {
  onEvent: (event: Message) => void = () => {};
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, PromiseWithResolvers<Record<string, unknown>>>();
  #lastId = 0;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => this.#onMessage(JSON.parse(String(data))));
  }

  call(method: string, params: object, sessionId?: string): Promise<Record<string, unknown>> {
    const answer = Promise.withResolvers<Record<string, unknown>>();
    this.#waiting.set(++this.#lastId, answer);
    this.#socket.send(JSON.stringify({ id: this.#lastId, sessionId, method, params }));
    return answer.promise;
  }

  /** Resolves when the connection is closed: Deno's tests want to see that. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#socket.addEventListener("close", () => resolve());
      this.#socket.close();
    });
  }

  #onMessage(message: Message): void {
    const answer = message.id === undefined ? undefined : this.#waiting.get(message.id);
    if (answer === undefined) return this.onEvent(message);
    this.#waiting.delete(message.id!);
    if (message.error) answer.reject(new Error(`Chromium: ${message.error.message}`));
    else answer.resolve(message.result ?? {});
  }
}

/** A browser with one page. */
export class Browser implements AsyncDisposable {
  /** What went wrong in the page: exceptions, lines of `console.error`, answers from 400 on. */
  readonly faults: string[] = [];
  readonly #stack: AsyncDisposableStack;
  readonly #tools: DevTools;
  readonly #session: string;
  #loads = 0;

  private constructor(stack: AsyncDisposableStack, tools: DevTools, session: string) {
    this.#stack = stack;
    this.#tools = tools;
    this.#session = session;
    tools.onEvent = (event) => this.#onEvent(event);
  }

  /** Starts it, with an empty page. */
  static async start(): Promise<Browser> {
    await using stack = new AsyncDisposableStack();
    const profile = stack.use(await tempDir());
    const args = [...ARGS, `--user-data-dir=${profile.path}`, "about:blank"];
    const tools = new DevTools(await open(stack.use(await spawnProgram(chromium!, args))));
    stack.defer(() => tools.close());
    const { targetId } = await tools.call("Target.createTarget", { url: "about:blank" });
    const target = { targetId, flatten: true };
    const { sessionId } = await tools.call("Target.attachToTarget", target);
    const browser = new Browser(stack.move(), tools, String(sessionId));
    for (const domain of ["Page", "Runtime", "Network", "DOM"]) {
      await browser.#call(`${domain}.enable`);
    }
    return browser;
  }

  /** Opens an address, and resolves when the page and all that belongs to it are there. */
  goto(url: string): Promise<void> {
    return this.#loaded(async () => {
      const { errorText } = await this.#call("Page.navigate", { url });
      if (errorText !== undefined) throw new Error(`${url}: ${errorText}`);
    });
  }

  /** Runs an expression in the page, and resolves with what it is, as JSON has it. */
  async evaluate<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = await this.#call("Runtime.evaluate", {
      expression,
      awaitPromise: true,
      returnByValue: true,
      userGesture: true,
    }) as { result: { value: T }; exceptionDetails?: { exception?: { description: string } } };
    if (exceptionDetails) {
      throw new Error(`${expression}: ${exceptionDetails.exception?.description}`);
    }
    return result.value;
  }

  /** The text of an element, as it is to be seen. */
  text(selector: string): Promise<string> {
    return this.evaluate(`document.querySelector(${JSON.stringify(selector)})?.innerText ?? ""`);
  }

  /** Waits until an expression is true in the page. */
  async waitFor(expression: string): Promise<void> {
    await waitUntil(() => this.evaluate(`!!(${expression})`), {
      what: expression,
      timeout: PATIENCE,
      interval: 50,
    });
  }

  /** Types into a field, in place of what is there. */
  async type(selector: string, text: string): Promise<void> {
    const field = `document.querySelector(${JSON.stringify(selector)})`;
    await this.evaluate(`${field}.focus(); ${field}.select()`);
    await this.#call("Input.insertText", { text });
  }

  /** Presses the mouse's button on an element that leads to another page. */
  follow(selector: string): Promise<void> {
    return this.#loaded(() => this.click(selector));
  }

  /** Presses the mouse's button on an element. */
  async click(selector: string): Promise<void> {
    const { x, y } = await this.evaluate<{ x: number; y: number }>(`(() => {
      const element = document.querySelector(${JSON.stringify(selector)});
      element.scrollIntoView({ block: "center" });
      const { left, top, width, height } = element.getBoundingClientRect();
      return { x: left + width / 2, y: top + height / 2 };
    })()`);
    for (const type of ["mousePressed", "mouseReleased"]) {
      await this.#call("Input.dispatchMouseEvent", { type, x, y, button: "left", clickCount: 1 });
    }
  }

  /** Chooses files, as a person does in the window that a file field opens. */
  async choose(selector: string, files: string[]): Promise<void> {
    const { root } = await this.#call("DOM.getDocument") as { root: { nodeId: number } };
    const { nodeId } = await this.#call("DOM.querySelector", { nodeId: root.nodeId, selector });
    await this.#call("DOM.setFileInputFiles", { nodeId, files });
  }

  /** Saves a picture of the page where `FCGI_TEST_SCREENSHOTS` says, if it says so. */
  async picture(name: string): Promise<void> {
    if (SCREENSHOTS === undefined) return;
    const { data } = await this.#call("Page.captureScreenshot", { format: "png" });
    await writeFile(join(SCREENSHOTS, `${name}.png`), Buffer.from(String(data), "base64"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }

  async #loaded(act: () => Promise<void>): Promise<void> {
    const before = this.#loads;
    await act();
    await waitUntil(() => this.#loads > before, { what: "the page to load", timeout: PATIENCE });
  }

  #call(method: string, params: object = {}): Promise<Record<string, unknown>> {
    return this.#tools.call(method, params, this.#session);
  }

  #onEvent({ method, params = {} }: Message): void {
    if (method === "Page.loadEventFired") this.#loads++;
    else if (method === "Runtime.exceptionThrown") {
      this.faults.push(`Thrown: ${JSON.stringify(params.exceptionDetails)}`);
    } else if (method === "Runtime.consoleAPICalled" && params.type === "error") {
      this.faults.push(`console.error: ${JSON.stringify(params.args)}`);
    } else if (method === "Network.responseReceived") {
      const { status, url } = params.response as { status: number; url: string };
      if (status >= 400) this.faults.push(`${status}: ${url}`);
    } else if (method === "Network.loadingFailed" && params.canceled !== true) {
      this.faults.push(`Failed: ${params.errorText}, ${params.type}`);
    }
  }
}

/** Connects to a browser that is starting. */
async function open(program: Program): Promise<WebSocket> {
  const [, url] = await program.waitForLine("stderr", /^DevTools listening on (ws:\S+)/, PATIENCE);
  const socket = new WebSocket(url!);
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener("open", () => resolve());
    socket.addEventListener("error", () => reject(new Error(`Cannot connect to ${url}`)));
  });
  return socket;
}
