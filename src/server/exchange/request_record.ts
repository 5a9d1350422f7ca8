import { printThrown } from "../../log/print.ts";
import type { ParamsView } from "../../cgi/params.ts";
import type { EndedRequest, RequestObserver } from "../application/observer.ts";

const HEAD_END = "\r\n\r\n";

/** Keeps of a request what an observer is told of at its end. */
export class RequestRecord {
  readonly #tell: (request: EndedRequest) => void;
  #head = "";
  #bytes = 0;

  constructor(observer: RequestObserver) {
    this.#tell = observer.begin();
  }

  /** A part of the answer has been written; the body of a small one may follow in the same text. */
  sent(text: string, body: readonly Uint8Array[]): void {
    if (text !== "") {
      const end = text.indexOf(HEAD_END) + HEAD_END.length;
      this.#head = text.slice(0, end);
      this.#bytes += text.length - end;
    }
    for (const chunk of body) this.#bytes += chunk.length;
  }

  /** The request has ended. Never throws. */
  ended(params: ParamsView, method: string, isComplete: boolean): void {
    try {
      this.#tell({ params, method, head: this.#head, bytes: this.#bytes, isComplete });
    } catch (error) {
      printThrown(error);
    }
  }
}
