// Gathers the lines of one turn of the event loop: a fleet tells thousands at once, and each write is a system call.

/** As much as is held back at most, in characters. */
const ENOUGH = 65_536;

/** Text on its way out. */
export interface Gathered {
  /** Takes text; it is written when the turn ends, or sooner where there is much of it. */
  readonly write: (text: string) => void;
  /** Writes what is held back. */
  readonly flush: () => void;
}

/** Writes in the order in which it was told, a turn late at most. */
export function gather(write: (text: string) => void): Gathered {
  let held: string[] = [];
  let size = 0;
  let isDue = false;
  const flush = (): void => {
    const text = held.join("");
    held = [];
    size = 0;
    if (text !== "") write(text);
  };
  return {
    write: (text) => {
      held.push(text);
      size += text.length;
      if (size >= ENOUGH) flush();
      else if (!isDue) {
        isDue = true;
        setImmediate(() => {
          isDue = false;
          flush();
        });
      }
    },
    flush,
  };
}
