// Adds up what the parts of a test run have left in a directory: figures, slowest tests, processor time, failures whole, and the line of counts.
// usage: summary.mjs DIRECTORY   exit status 1 when anything failed, or was skipped with CI=true

import { existsSync, readFileSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";

const directory = process.argv[2];
const read = (name) => (existsSync(join(directory, name)) ? readFileSync(join(directory, name), "utf8") : "");
const counts = { passed: 0, failed: 0, skipped: 0 };
const failures = [];
const skipped = [];
const slow = [];
const figures = [];
const processor = [];

/** Mocha's events, and what its process ended with: a hang has a test that began and never ended. */
function addMocha(job) {
  const events = read(`${job}.events`)
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
  const status = Number(read(`${job}.status`).trim() || "255");
  const open = new Set();
  for (const event of events) {
    if (event.kind === "begin") open.add(event.name);
    else open.delete(event.name);
    if (event.kind in counts) counts[event.kind]++;
    if (event.kind === "failed") failures.push(`${job}: ${event.name}\n${event.error}`);
    if (event.kind === "skipped") skipped.push(`${job}: ${event.name}`);
    if (event.kind === "passed" && event.ms > 5000) slow.push({ ms: event.ms, name: `${job}: ${event.name}` });
  }
  const hasEnded = events.some((event) => event.kind === "end");
  const hasFailed = events.some((event) => event.kind === "failed");
  if (status === 0 || (hasEnded && hasFailed && status < 124)) return;
  counts.failed++;
  let why = `its process ended with status ${status}`;
  if (status === 124 || status === 137) {
    why = hasEnded
      ? "all tests ended but the process did not: something was left open"
      : `it took too long in: ${[...open].join(", ") || "its start"}`;
  }
  failures.push(`${job}: ${why}\n${read(`${job}.log`).split("\n").slice(-60).join("\n")}`);
}

/** A check is one program. Where its output ends with counts of its own, those count. */
function addCheck(job) {
  const status = Number(read(`${job}.status`).trim() || "255");
  const log = read(`${job}.log`);
  const own = [...log.matchAll(/^(?:\w+: )?(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/gm)].at(-1);
  if (own) {
    counts.passed += Number(own[1]);
    counts.failed += Number(own[2]);
    counts.skipped += Number(own[3] ?? 0);
  } else if (status === 0) {
    counts.passed++;
  }
  if (status !== 0) {
    if (!own || Number(own[2]) === 0) counts.failed++;
    const why = status === 124 || status === 137 ? "took too long" : `status ${status}`;
    failures.push(`${job}: ${why}\n${log.split("\n").slice(-120).join("\n")}`);
  }
}

for (const file of readdirSync(directory).sort()) {
  if (file.endsWith(".times")) {
    const [, user = 0, system = 0] = (read(file).trim().split("\n").at(-1) ?? "").split(" ").map(Number);
    processor.push({ name: basename(file, ".times"), seconds: user + system });
  }
  if (file.endsWith(".log"))
    figures.push(
      ...[...read(file).matchAll(/^\s*figure: (.*)$/gm)].map(([, text]) => `${basename(file, ".log")}: ${text}`),
    );
  if (file.endsWith(".mocha")) addMocha(basename(file, ".mocha"));
  if (file.endsWith(".check")) addCheck(basename(file, ".check"));
  if (file.endsWith(".absent")) {
    counts.skipped++;
    skipped.push(`${basename(file, ".absent")}: ${read(file).trim()}`);
  }
}

if (figures.length > 0) {
  console.log("\nfigures:");
  for (const text of figures) console.log(`  ${text}`);
}
slow.sort((left, right) => right.ms - left.ms);
if (slow.length > 0) {
  console.log("\nslow tests:");
  for (const { ms, name } of slow.slice(0, 10)) console.log(`  ${(ms / 1000).toFixed(1)} s  ${name}`);
}
processor.sort((left, right) => right.seconds - left.seconds);
const sum = processor.reduce((all, { seconds }) => all + seconds, 0);
console.log(`\nprocessor time: ${Math.round(sum)} s without the lab host's; most of it:`);
for (const { name, seconds } of processor.slice(0, 10)) console.log(`  ${Math.round(seconds)} s  ${name}`);
if (skipped.length > 0) {
  console.log("\nskipped:");
  for (const name of skipped) console.log(`  ${name}`);
}
failures.forEach((text, index) => console.log(`\nfailure ${index + 1}: ${text}`));
const mustRun = process.env.CI === "true" && counts.skipped > 0;
if (mustRun) console.log("\nnothing may be skipped in CI");
console.log(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exitCode = counts.failed > 0 || mustRun || counts.passed === 0 ? 1 : 0;
