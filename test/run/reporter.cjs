// A mocha reporter: one JSON line for each test that begins and ends, appended to $CRUN_TEST_EVENTS as it happens.
"use strict";
const { appendFileSync } = require("node:fs");

const file = process.env.CRUN_TEST_EVENTS;

function write(kind, test, more) {
  const name = typeof test.titlePath === "function" ? test.titlePath().join(" › ") : String(test.title);
  appendFileSync(file, `${JSON.stringify({ kind, name, ...more })}\n`);
}

function describeError(error) {
  const parts = [error.stack ?? `${error.name ?? "Error"}: ${error.message ?? String(error)}`];
  for (const inner of error.errors ?? []) {
    parts.push(describeError(inner));
  }
  if (error.cause instanceof Error) {
    parts.push(`caused by ${describeError(error.cause)}`);
  }
  return parts.join("\n");
}

/** Mocha calls this with `new`. */
module.exports = function EventReporter(runner) {
  runner.on("test", (test) => write("begin", test));
  runner.on("hook", (hook) => write("begin", hook));
  runner.on("hook end", (hook) => write("hook", hook));
  runner.on("pass", (test) => write("passed", test, { ms: test.duration }));
  runner.on("pending", (test) => write("skipped", test));
  runner.on("fail", (test, error) => write("failed", test, { error: describeError(error) }));
  runner.on("end", () => appendFileSync(file, `${JSON.stringify({ kind: "end" })}\n`));
};
