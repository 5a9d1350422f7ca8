/** Random text from a seed: what fails can be run again. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** An integer from 0 to `below - 1` (mulberry32). */
  int(below: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % below;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.int(choices.length)];
  }

  /** Up to `length` code units: bytes of any kind, with more of `likely` than chance would give. */
  text(length: number, likely: string): string {
    let text = "";
    for (let i = this.int(length + 1); i > 0; i--) {
      text += this.int(4) === 0
        ? String.fromCharCode(this.int(256))
        : likely[this.int(likely.length)];
    }
    return text;
  }
}
