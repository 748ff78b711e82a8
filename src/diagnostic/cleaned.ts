// Text of strangers in messages.

/** Text of strangers, fit for a terminal. */
export function cleaned(text: string): string {
  return text.replace(
    // oxlint-disable-next-line no-control-regex -- these are the characters that a terminal would obey
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g,
    (one) => `\\x${one.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}
