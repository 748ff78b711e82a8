// The architecture holds: imports point down, each outside package has one importer, files say their job first.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { join, relative, resolve, dirname } from "node:path";

const root = process.cwd();

/** Lower layers first; layers of one row may not import each other. */
const layers = [
  ["src/diagnostic"],
  ["src/module"],
  ["src/wire", "src/facts", "src/vault"],
  ["src/tree"],
  ["modules", "src/inventory", "src/playbook", "src/connection"],
  ["src/target"],
  ["src/engine"],
  ["src/plan"],
  ["src/report"],
  ["src/cli"],
];

/** Types that a lower layer may know of a higher one: the shapes of a session, which connections open. */
const shapes = new Set(["src/target/session.ts"]);

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => join(folder, file));
}

const files = ["src", "modules"].flatMap(sources).filter((file) => !file.startsWith("src/dev/"));

interface Import {
  readonly file: string;
  readonly from: string;
  readonly isType: boolean;
}

const imports: Import[] = files.flatMap((file) => {
  const text = readFileSync(join(root, file), "utf8");
  const found = [
    ...text.matchAll(/^(?:import|export)\s+(type\s+)?(?:[^"';]*?\sfrom\s+)?"([^"]+)"/gms),
    ...text.matchAll(/import\((\s*)"([^"]+)"\)/g),
  ];
  return found.map((match) => ({ file, from: match[2] ?? "", isType: match[1]?.startsWith("type") ?? false }));
});

function layerOf(file: string): number {
  return layers.findIndex((names) => names.some((name) => file.startsWith(`${name}/`)));
}

describe("architecture", () => {
  it("every file lies in a layer", () => {
    assert.deepEqual(
      files.filter((file) => layerOf(file) < 0),
      [],
    );
  });

  it("imports point down", () => {
    const upward = imports.flatMap(({ file, from, isType }) => {
      if (!from.startsWith(".")) return [];
      const target = relative(root, resolve(root, dirname(file), from)).replace(/\.js$/, ".ts");
      const isSameFolder = layers.flat().some((name) => file.startsWith(`${name}/`) && target.startsWith(`${name}/`));
      if (isSameFolder || layerOf(target) < layerOf(file) || (isType && shapes.has(target))) return [];
      return [`${file} → ${target}`];
    });
    assert.deepEqual(upward, []);
  });

  it("modules import src/module, src/facts and src/tree alone", () => {
    const others = imports.filter(
      ({ file, from }) =>
        file.startsWith("modules/") && file !== "modules/index.ts" && !/^\.\.\/src\/(?:module|facts|tree)\//.test(from),
    );
    assert.deepEqual(
      others.map(({ file, from }) => `${file} → ${from}`),
      [],
    );
  });

  it("each outside package is imported by one file", () => {
    const importers = new Map<string, Set<string>>();
    for (const { file, from } of imports) {
      if (from.startsWith(".") || from.startsWith("node:") || builtinModules.includes(from)) continue;
      const name = from
        .split("/")
        .slice(0, from.startsWith("@") ? 2 : 1)
        .join("/");
      importers.set(name, (importers.get(name) ?? new Set()).add(file));
    }
    const shared = [...importers].filter(([, by]) => by.size > 1).map(([name, by]) => `${name}: ${[...by].join(", ")}`);
    assert.deepEqual(shared, []);
  });

  it("plan and observe of modules are pure: nothing that reads clocks, dice or files is imported or called", () => {
    const impure = sources("modules").flatMap((file) => {
      const text = readFileSync(join(root, file), "utf8");
      return /\bawait\b|Math\.random|Date\.now|new Date\(\)|"node:(?:fs|child_process|net|os)/.test(text) &&
        file !== "modules/index.ts"
        ? [file]
        : [];
    });
    assert.deepEqual(impure, []);
  });

  it("raw templates are ASCII: the bundle is read without decoding, and can escape all but them", () => {
    const odd = files.filter((file) =>
      // oxlint-disable-next-line no-control-regex -- all of ASCII
      (readFileSync(join(root, file), "utf8").match(/String\.raw`[^`]*`/g) ?? []).some(
        (text) => !/^[\0-\x7f]*$/.test(text),
      ),
    );
    assert.deepEqual(odd, []);
  });

  it("the first line of each file says its one job", () => {
    const silent = files.filter((file) => !readFileSync(join(root, file), "utf8").startsWith("// "));
    assert.deepEqual(silent, []);
  });

  it("files stay small enough to be read, or say why not", () => {
    const large = files.filter((file) => {
      const lines = readFileSync(join(root, file), "utf8").split("\n");
      return lines.length > 420 && !lines.slice(0, 8).some((line) => /long because/i.test(line));
    });
    assert.deepEqual(large, []);
  });
});
