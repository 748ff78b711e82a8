// Loads the program; with the code that V8 compiled of it when it was built, where that fits this Node.

const { readFileSync } = require("node:fs");
const { pathToFileURL } = require("node:url");
const { Script } = require("node:vm");

const file = `${__dirname}/program.cjs`;

/** The compiled code that was kept; V8 refuses it where it is another version's. */
function keptCode() {
  try {
    return readFileSync(`${__dirname}/program.cache`);
  } catch {
    // It is not there: the program is compiled as it runs.
    return undefined;
  }
}

const source = readFileSync(file, "latin1");
const cachedData = keptCode();
const script = new Script(source, { filename: file, ...(cachedData ? { cachedData } : {}) });
const program = { exports: {} };
script.runInThisContext()(program.exports, require, program, file, __dirname, pathToFileURL(__filename).href);

exports.script = script;
exports.runProgram = program.exports.runProgram;
