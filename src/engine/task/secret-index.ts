// Finds many texts in a long one at the cost of reading it once.

/** What stands in a text's place. */
export const MASK = "********";

/** Texts shorter than this cannot be looked for. */
export const SHORTEST = 3;

/** Places are told by a hash of three characters; only where that is known are the texts that begin so looked through. */
export class SecretIndex {
  readonly #starts = new Uint8Array(65536);
  readonly #byStart = new Map<string, SortedTexts>();
  /** First and first two characters. */
  readonly #beginnings = new Set<string>();
  #longest = 0;

  /** Of at least `SHORTEST` characters. */
  add(text: string): void {
    const key = text.slice(0, SHORTEST);
    this.#starts[hashOf(text.charCodeAt(0), text.charCodeAt(1), text.charCodeAt(2))] = 1;
    let texts = this.#byStart.get(key);
    if (!texts) this.#byStart.set(key, (texts = new SortedTexts()));
    texts.add(text);
    this.#beginnings.add(text.slice(0, 1)).add(text.slice(0, 2));
    this.#longest = Math.max(this.#longest, text.length);
  }

  /** The text with all that is known hidden; texts that overlap become one. */
  hide(text: string): string {
    const found = this.#find(text);
    if (found.length === 0) return text;
    const parts: string[] = [];
    let at = 0;
    for (const [start, end] of found) {
      parts.push(text.slice(at, start), MASK);
      at = end;
    }
    parts.push(text.slice(at));
    return parts.join("");
  }

  /** How much of the text can be shown now; what is behind it may be the beginning of something that is hidden. */
  settled(text: string): number {
    for (let start = Math.max(0, text.length - this.#longest + 1); start < text.length; start++) {
      if (!this.#mayBegin(text, start)) continue;
      const around = this.#find(text).find(([from, to]) => from < start && start < to);
      return around ? around[0] : start;
    }
    return text.length;
  }

  #mayBegin(text: string, start: number): boolean {
    if (text.length - start < SHORTEST) return this.#beginnings.has(text.slice(start));
    const hash = hashOf(text.charCodeAt(start), text.charCodeAt(start + 1), text.charCodeAt(start + 2));
    if (this.#starts[hash] === 0) return false;
    const rest = text.slice(start);
    return this.#byStart.get(rest.slice(0, SHORTEST))?.hasLonger(rest) ?? false;
  }

  /** Where something stands, first to last; what overlaps is one. */
  #find(text: string): [start: number, end: number][] {
    const found: [number, number][] = [];
    const starts = this.#starts;
    let first = text.charCodeAt(0);
    let second = text.charCodeAt(1);
    for (let index = 0; index + 2 < text.length; index++) {
      const third = text.charCodeAt(index + 2);
      if (starts[hashOf(first, second, third)] !== 0) {
        const length = this.#byStart.get(text.slice(index, index + SHORTEST))?.lengthAt(text, index) ?? 0;
        const last = found.at(-1);
        if (length > 0 && last && index < last[1]) last[1] = Math.max(last[1], index + length);
        else if (length > 0) found.push([index, index + length]);
      }
      first = second;
      second = third;
    }
    return found;
  }
}

/** Texts in order: the longest that another text begins with is found in a few steps, however many begin alike. */
class SortedTexts {
  readonly #all = new Set<string>();
  #sorted: string[] = [];
  /** For each text the place of the longest other one that it begins with; -1: none. */
  #inner: number[] = [];
  #longest = 0;

  add(text: string): void {
    this.#all.add(text);
    this.#longest = Math.max(this.#longest, text.length);
  }

  /** Length of the longest of them that stands at the place; 0: none does. */
  lengthAt(text: string, index: number): number {
    this.#sort();
    const ahead = text.slice(index, index + this.#longest);
    // What `ahead` begins with is the greatest text that is not greater, or the beginning of that.
    for (let at = this.#firstAfter(ahead) - 1; at >= 0; at = this.#inner[at] ?? -1) {
      const one = this.#sorted[at] ?? "";
      if (ahead.startsWith(one)) return one.length;
    }
    return 0;
  }

  /** Whether one of them begins with the text and is longer. */
  hasLonger(text: string): boolean {
    this.#sort();
    return this.#sorted[this.#firstAfter(text)]?.startsWith(text) ?? false;
  }

  /** Place of the first that is greater. */
  #firstAfter(text: string): number {
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#sorted[middle] ?? "") <= text) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #sort(): void {
    if (this.#sorted.length === this.#all.size) return;
    this.#sorted = [...this.#all].sort((a, b) => (a < b ? -1 : 1));
    const open: number[] = [];
    this.#inner = this.#sorted.map((one, index) => {
      while (open.length > 0 && !one.startsWith(this.#sorted[open.at(-1) ?? 0] ?? "")) open.pop();
      const inner = open.at(-1) ?? -1;
      open.push(index);
      return inner;
    });
  }
}

function hashOf(first: number, second: number, third: number): number {
  return (first * 7919 + second * 263 + third) & 0xffff;
}
