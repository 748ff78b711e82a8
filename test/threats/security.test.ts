// docs/SECURITY.md: every promise names the tests that hold it, and they exist.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "../lab/process.js";

interface Row {
  readonly section: string;
  readonly cells: readonly string[];
}

const page = readFileSync(join(repositoryRoot(), "docs/SECURITY.md"), "utf8");
const rows = promises(page);

/** The rows of tables whose last column is headed "held by". */
function promises(text: string): readonly Row[] {
  const found: Row[] = [];
  let section = "";
  let isHeld = false;
  for (const line of text.split("\n")) {
    if (line.startsWith("## ")) section = line.slice(3);
    if (!line.startsWith("|")) {
      isHeld = false;
      continue;
    }
    const cells = line
      .slice(1, -1)
      .split("|")
      .map((cell) => cell.trim());
    if (cells.at(-1) === "held by") isHeld = true;
    else if (isHeld && !/^-+$/.test(cells[0] ?? "")) found.push({ section, cells });
  }
  return found;
}

describe("docs/SECURITY.md", () => {
  it("names for every promise tests that there are", () => {
    assert.ok(rows.length >= 30, `${rows.length} rows`);
    const wrong = rows.flatMap(({ section, cells }) => {
      const named = (cells.at(-1) ?? "").split(", ");
      return named
        .filter(
          (path) =>
            !/^(?:native\/(?:test|fuzz)|test)(?:\/[\w./-]+)?$/.test(path) || !existsSync(join(repositoryRoot(), path)),
        )
        .map((path) => `${section}: ${cells[0]}: ${path === "" ? "(no test)" : path}`);
    });
    assert.deepEqual(wrong, []);
  });

  it("has a row for every entry of a tree, and says what is not promised and how to report", () => {
    const first = rows.map(({ cells }) => cells[0]);
    for (const entry of ["unshare", "chroot", "nspawn", "machine", "host"]) assert(first.includes(entry), entry);
    for (const heading of ["What is not promised", "Supported versions", "Reporting"])
      assert(page.includes(`\n## ${heading}\n`), heading);
  });
});
