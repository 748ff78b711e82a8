// Loads the program; with the code that V8 compiled of it when it was built, where that fits this Node.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { Script } from "node:vm";

const directory = fileURLToPath(new URL(".", import.meta.url));
const file = `${directory}program.cjs`;

/** The compiled code that was kept; V8 refuses it where it is another version's. */
function keptCode() {
  try {
    return readFileSync(`${directory}program.cache`);
  } catch {
    // It is not there: the program is compiled as it runs.
    return undefined;
  }
}

const source = readFileSync(file, "latin1");
const cachedData = keptCode();
export const script = new Script(`(function(exports,require,module,__filename,__dirname,__url){${source}\n})`, {
  filename: file,
  ...(cachedData ? { cachedData } : {}),
});
const program = { exports: {} };
script.runInThisContext()(program.exports, createRequire(import.meta.url), program, file, directory, import.meta.url);

export const { runProgram } = program.exports;
