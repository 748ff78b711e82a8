// Files that people wrote are UTF-8; what is not would silently become other characters.

import { isUtf8 } from "node:buffer";
import { cleaned } from "./cleaned.js";
import { CrunError } from "./diagnostic.js";

/** The file's text. Throws a CrunError that shows the first bytes that are no UTF-8, but for their line where the file `isSecret`. */
export function textOfFile(bytes: Buffer, file: string, isSecret = false): string {
  if (!isUtf8(bytes)) throw notUtf8(file, bytes, isSecret);
  return bytes.toString("utf8");
}

function notUtf8(file: string, bytes: Buffer, isSecret: boolean): CrunError {
  let line = 1;
  let from = 0;
  for (let end = bytes.indexOf(10); end >= 0 && isUtf8(bytes.subarray(from, end)); end = bytes.indexOf(10, from)) {
    line++;
    from = end + 1;
  }
  const summary = "this is no UTF-8 text";
  if (bytes.includes(0))
    return new CrunError({ severity: "error", summary, place: { file }, remedy: "Is it a text file?" });
  const end = bytes.indexOf(10, from);
  const source = cleaned(
    bytes
      .subarray(from, end < 0 ? undefined : end)
      .toString("utf8")
      .replace(/\r$/, ""),
  );
  const place = { file, line, column: source.indexOf("\uFFFD") + 1 };
  return new CrunError({
    severity: "error",
    summary,
    place,
    ...(isSecret ? {} : { source }),
    remedy: `Convert it: iconv -f latin1 -t utf-8 ${file}`,
  });
}
