// Asks the registry for known holes in the locked packages: `npm run audit`. Status 1 where there is one that is not explained here.
//
// Nobody to ask (no network, a registry without advisories) is told, and is no failure: whether crun's code is right does not depend on who can be reached.
// A release depends on it: with --required no answer is a failure, too (docs/RELEASING.md).

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/** Advisories that do not concern crun, by their address, each with its reason. */
const explained = new Map();

/** What `npm audit --json` said: `findings` in words, or why there is no answer. */
export function readAudit(text) {
  let report;
  try {
    report = JSON.parse(text.slice(Math.max(text.indexOf("{"), 0)));
  } catch {
    return { problem: "npm audit gave no answer that can be read" };
  }
  if (typeof report?.vulnerabilities !== "object" || report.vulnerabilities === null)
    return {
      problem: String(report?.message || report?.error?.summary || "the registry gave no answer").split("\n")[0],
    };
  const advisories = Object.values(report.vulnerabilities).flatMap(({ name, severity, range, via }) =>
    (via ?? []).filter((one) => typeof one === "object").map((one) => ({ name, severity, range, ...one })),
  );
  return {
    findings: advisories
      .filter(({ url }) => !explained.has(url))
      .map(({ name, severity, range, title, url }) => `${name} ${range}: ${title} (${severity}), ${url}`),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = fileURLToPath(new URL("../../", import.meta.url));
  const asked = spawnSync("npm", ["audit", "--json"], { cwd: root, encoding: "utf8", timeout: 120_000 });
  const { problem, findings = [] } = readAudit(asked.stdout ?? "");
  if (problem !== undefined) {
    process.stdout.write(`audit: not done: ${problem}\n`);
    process.exitCode = process.argv.includes("--required") ? 1 : 0;
  } else if (findings.length === 0) {
    process.stdout.write("audit: no known holes in the locked packages\n");
  } else {
    process.stdout.write(`${findings.map((one) => `audit: ${one}\n`).join("")}`);
    process.exitCode = 1;
  }
}
