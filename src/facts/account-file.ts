// A colon-separated account file (passwd, group, shadow, …) as lines that are kept byte for byte.

/**
 * Text here is latin1: a character a byte, so that whatever is in a line survives. Like shadow-utils, entries are found by their first
 * field, comments and odd lines stay where they are, and new entries go before the first NIS line (`+…`, `-…`).
 */
export class AccountFile {
  readonly #lines: readonly string[];
  #entries: readonly (readonly string[])[] | undefined;
  /** As it was parsed; undefined: there is no such file. */
  readonly original: string | undefined;

  private constructor(lines: readonly string[], original: string | undefined) {
    this.#lines = lines;
    this.original = original;
  }

  /** `content` undefined: there is no such file. The same bytes give the same file: several tasks read it. */
  static parse(content: Uint8Array | undefined): AccountFile {
    if (!content) return new AccountFile([], undefined);
    let file = parsed.get(content);
    if (!file) {
      file = AccountFile.#parse(content);
      parsed.set(content, file);
    }
    return file;
  }

  static #parse(content: Uint8Array): AccountFile {
    const text = Buffer.from(content).toString("latin1");
    const lines = text.split("\n");
    if (lines.at(-1) === "") lines.pop();
    return new AccountFile(lines, text);
  }

  get exists(): boolean {
    return this.original !== undefined;
  }

  /** Fields of every line that holds an entry. */
  entries(): readonly (readonly string[])[] {
    return (this.#entries ??= this.#lines.filter(isEntry).map((line) => line.split(":")));
  }

  /** Fields of the first entry with that name, or undefined. */
  find(name: string): readonly string[] | undefined {
    const wanted = bytesOf(name);
    return this.#lines.find((line) => isEntry(line) && line.startsWith(`${wanted}:`))?.split(":");
  }

  /** With the first entry of that name replaced, or the entry added. */
  with(fields: readonly string[]): AccountFile {
    const name = fields[0] ?? "";
    const line = fields.join(":");
    const at = this.#lines.findIndex((one) => isEntry(one) && one.startsWith(`${name}:`));
    if (at >= 0) return new AccountFile(this.#lines.with(at, line), this.original);
    return this.#add(line);
  }

  /** With the first entry of each name as `edit` has it, in one pass: a hostile tree may have very many. The same fields stay as they are. */
  edited(edit: (fields: readonly string[]) => readonly string[]): AccountFile {
    const seen = new Set<string>();
    let isChanged = false;
    const lines = this.#lines.map((line) => {
      if (!isEntry(line)) return line;
      const name = line.slice(0, line.indexOf(":"));
      if (seen.has(name)) return line;
      seen.add(name);
      const fields = line.split(":");
      const wanted = edit(fields);
      if (wanted === fields) return line;
      isChanged = true;
      return wanted.join(":");
    });
    return isChanged ? new AccountFile(lines, this.original) : this;
  }

  /**
   * With a range of subordinate ids added (subuid, subgid). Those that are there come in the order of their ids then, and odd lines
   * behind them, the last one first: so shadow-utils leaves them when it has looked for free ones.
   */
  withRange(fields: readonly string[]): AccountFile {
    const nis = this.#lines.findIndex((line) => isNis(line));
    const own = nis < 0 ? this.#lines : this.#lines.slice(0, nis);
    const ranges = own.filter((line) => isRange(line)).sort(compareRanges);
    const odd = own.filter((line) => !isRange(line)).reverse();
    return new AccountFile([...ranges, ...odd, ...this.#lines.slice(own.length)], this.original).#add(fields.join(":"));
  }

  /** Without the entries of that name. */
  without(name: string): AccountFile {
    const wanted = `${bytesOf(name)}:`;
    const lines = this.#lines.filter((line) => !(isEntry(line) && line.startsWith(wanted)));
    return lines.length === this.#lines.length ? this : new AccountFile(lines, this.original);
  }

  /** The whole file, as it has to be written. */
  get text(): string {
    return this.#lines.map((line) => `${line}\n`).join("");
  }

  get isChanged(): boolean {
    if (this.original === undefined) return this.#lines.length > 0;
    const text = this.text;
    return text !== this.original && text !== `${this.original}\n`;
  }

  #add(line: string): AccountFile {
    const nis = this.#lines.findIndex((one) => isNis(one));
    return new AccountFile(nis < 0 ? [...this.#lines, line] : this.#lines.toSpliced(nis, 0, line), this.original);
  }
}

const parsed = new WeakMap<Uint8Array, AccountFile>();

function isNis(line: string): boolean {
  return /^[+-]/.test(line);
}

function isRange(line: string): boolean {
  return /^[^:]+:\d+:\d+$/.test(line);
}

function compareRanges(one: string, other: string): number {
  const [owner = "", start = "", count = ""] = one.split(":");
  const [otherOwner = "", otherStart = "", otherCount = ""] = other.split(":");
  return Number(start) - Number(otherStart) || Number(count) - Number(otherCount) || (owner < otherOwner ? -1 : 1);
}

function isEntry(line: string): boolean {
  return line.includes(":") && !/^[#+-]/.test(line);
}

/** Text of a playbook as an account file holds it (a character a byte). */
export function bytesOf(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

/** A field of an account file as text. */
export function textOf(field: string): string {
  // oxlint-disable-next-line no-control-regex -- ASCII is the same in both
  return /^[\u0000-\u007f]*$/.test(field) ? field : Buffer.from(field, "latin1").toString("utf8");
}

/** A field that holds a number; undefined where it is empty or none. */
export function numberOf(field: string | undefined): number | undefined {
  return field !== undefined && /^-?\d+$/.test(field) ? Number(field) : undefined;
}
