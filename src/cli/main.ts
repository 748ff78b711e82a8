// The program's first lines: answers --version at once, loads the rest only where it is needed, and exits.

import { writeFileSync } from "node:fs";
import { version } from "./version.js";

const argv = process.argv.slice(2);

/** Node's own exit status for work that is waited for and never ends. */
const UNSETTLED = 13;

// Who reads the output may stop reading (`| head`), close the terminal, or have no room for it: the work goes on to its end all the same.
let unwritten: NodeJS.ErrnoException | undefined;
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE" || error.code === "EIO") return;
    unwritten ??= error;
    // Where nothing else says how it ends.
    process.exitCode ||= 1;
  });
}

if (argv.length === 1 && (argv[0] === "--version" || argv[0] === "-V")) {
  process.stdout.write(`${version}\n`);
} else {
  keepNothingBehind();
  void run();
}

/** Runs the program, and ends this process with its exit status. */
async function run(): Promise<void> {
  // Should nothing be waited for any more before this has come to its end, that is no success.
  process.exitCode = UNSETTLED;
  const { runProgram } = await import("./program.js");
  const status = await runProgram(argv);
  // Output that a pipe has not taken yet must not be lost.
  for (const stream of [process.stdout, process.stderr]) {
    if (stream.writableLength > 0) await new Promise<void>((resolve) => stream.write("", () => resolve()));
  }
  // That a file takes nothing more is told behind the write itself.
  await new Promise<void>((resolve) => setImmediate(resolve));
  if (unwritten && !process.stderr.destroyed)
    process.stderr.write(`crun: what was told could not be written to its end: ${unwritten.message}\n`);
  process.exit(unwritten && status === 0 ? 1 : status);
}

/** Secrets are in memory: should this process ever crash, its core holds none of that, and Node writes no report. */
function keepNothingBehind(): void {
  try {
    writeFileSync("/proc/self/coredump_filter", "0");
  } catch {
    // No /proc, or another kernel: there is no other way to say it from here.
  }
  if (/--report/.test(`${process.env["NODE_OPTIONS"] ?? ""} ${process.execArgv.join(" ")}`)) {
    const { report } = process;
    if (report !== undefined)
      Object.assign(report, { reportOnFatalError: false, reportOnSignal: false, reportOnUncaughtException: false });
  }
}
