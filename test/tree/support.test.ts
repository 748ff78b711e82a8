// docs/SUPPORT.md has a row for every source of trees and every backend, and names only tests that there are.

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { backendNames } from "../../src/tree/record.js";
import { sources } from "../../src/tree/sources/index.js";
import { repositoryRoot } from "../lab/process.js";

const page = readFileSync(join(repositoryRoot(), "docs/SUPPORT.md"), "utf8");
const firstCells = page.split("\n").flatMap((line) => /^\| (.*?) \|/.exec(line)?.[1] ?? []);

describe("docs/SUPPORT.md", () => {
  it("has a row for each source and each backend", () => {
    const missing = [...sources.map(({ name }) => name), ...backendNames].filter(
      (name) => !firstCells.some((cell) => new RegExp(`(?:^|[\\s\`])${name}(?:[\\s\`,]|$)`).test(cell)),
    );
    assert.deepEqual(missing, []);
  });

  it("names tests that there are", () => {
    const root = join(repositoryRoot(), "test");
    const there = readdirSync(root, { recursive: true, encoding: "utf8" });
    const named = [...page.matchAll(/[\w/-]+\.test\.ts/g)].map(([path]) => path.replace(/^test\//, ""));
    assert.ok(named.length > 10);
    const missing = named.filter(
      (path) => !existsSync(join(root, path)) && !there.some((one) => one.endsWith(`/${path}`)),
    );
    assert.deepEqual(missing, []);
  });
});
