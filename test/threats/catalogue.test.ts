// Holds the catalogue of threats to the tests that there are, and to what docs/SECURITY.md says.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { must, repositoryRoot } from "../lab/process.js";
import { catalogue, tableOf, tagsOf, ways, type Way } from "./catalogue.js";

interface Listed {
  readonly tests: readonly { readonly title: string }[];
}

describe("threats: the catalogue", function () {
  this.timeout(60_000);
  const root = repositoryRoot();
  const cells = catalogue().flatMap(({ row, cells: of }) =>
    Object.entries(of).map(([way, cell]) => ({ row, way, cell, key: `row ${row} (${way})` })),
  );
  let tags: ReturnType<typeof tagsOf>;
  let tested: ReadonlySet<string>;

  before(async () => {
    const files = readdirSync(join(root, "build/test/threats")).filter((name) =>
      /^(?!catalogue).*\.test\.js$/.test(name),
    );
    const argv = [process.execPath, join(root, "node_modules/mocha/bin/mocha.js"), "--dry-run", "--reporter", "json"];
    const listed = await must([...argv, ...files.map((name) => join("build/test/threats", name))], { cwd: root });
    const { tests } = JSON.parse(listed.slice(listed.indexOf("{"))) as Listed;
    tags = tests.flatMap(({ title }) => tagsOf(title));
    tested = new Set(tags.map(({ row, way }) => `row ${row} (${way})`));
  });

  it("every row of the threats is there", () => {
    const rows = new Set(cells.map(({ row }) => row));
    assert.deepEqual(
      Array.from({ length: 25 }, (_, index) => index + 1).filter((row) => !rows.has(row)),
      [],
    );
  });

  it("every cell that says so has a test", () => {
    const claimed = cells.filter(({ cell }) => cell === "test").map(({ key }) => key);
    assert.deepEqual(
      claimed.filter((key) => !tested.has(key)),
      [],
    );
  });

  it("every test of a row and a way stands in it", () => {
    const claimed = new Set(cells.filter(({ cell }) => cell === "test").map(({ key }) => key));
    // A row that nobody has entered for a group of ways yet is asked for by the completeness of its group.
    const groups = Object.values(ways).map((group: readonly string[]) => group);
    const isEntered = ({ row, way }: { readonly row: number; readonly way: string }): boolean =>
      groups.some((group) => group.includes(way) && cells.some((cell) => cell.row === row && group.includes(cell.way)));
    assert.deepEqual(
      [...tags].filter((tag) => isEntered(tag) && !claimed.has(`row ${tag.row} (${tag.way})`)),
      [],
    );
    const all: readonly string[] = groups.flat();
    assert.deepEqual(
      tags.filter(({ way }) => !all.includes(way)),
      [],
      "no such way",
    );
  });

  it("what is not held is said in docs/SECURITY.md in the same words", () => {
    const flat = (text: string): string => text.replace(/\s+/g, " ");
    const security = flat(readFileSync(join(root, "docs/SECURITY.md"), "utf8"));
    const unsaid = cells.flatMap(({ cell, key }) =>
      typeof cell === "object" && "limit" in cell && !security.includes(flat(cell.limit))
        ? [`${key}: ${cell.limit}`]
        : [],
    );
    assert.deepEqual(unsaid, []);
  });

  it("the table in test/threats/README.md is the catalogue", () => {
    const readme = readFileSync(join(root, "test/threats/README.md"), "utf8");
    const rows = catalogue();
    const tables = Object.values(ways).map((columns: readonly Way[]) =>
      tableOf(
        rows.filter(({ cells: of }) => columns.some((way) => of[way] !== undefined)),
        columns,
      ),
    );
    for (const table of tables) assert.ok(readme.includes(table), `README.md lacks:\n\n${table}\n`);
  });
});
