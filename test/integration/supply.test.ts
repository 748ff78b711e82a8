// Where crun's parts come from: locked packages, licences, the same bundle from the same sources, and a package of what is meant.

import assert from "node:assert/strict";
import { cpSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { requireOrSkip } from "../lab/needs.js";
import { must, repositoryRoot, run } from "../lab/process.js";
import { testScope } from "../lab/scope.js";

const root = repositoryRoot();
const read = (path: string): string => readFileSync(join(root, path), "utf8");

interface Locked {
  readonly version?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly link?: boolean;
  readonly optional?: boolean;
  readonly hasInstallScript?: boolean;
}

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly files: readonly string[];
}

/** Packages that want to run a script when they are installed; docs/RELEASING.md says why crun does without. */
const withScripts = ["cpu-features", "esbuild", "ssh2"];

describe("supply", function () {
  this.timeout(120_000);
  const scope = testScope();
  const manifest = JSON.parse(read("package.json")) as Manifest;
  const lock = JSON.parse(read("package-lock.json")) as {
    readonly lockfileVersion: number;
    readonly packages: Readonly<Record<string, Locked & Partial<Manifest>>>;
  };
  const packages = Object.entries(lock.packages).filter(([path]) => path !== "");

  it("package.json names exact versions, and the lock agrees", () => {
    for (const [name, version] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })) {
      assert.match(version, /^\d+\.\d+\.\d+(?:-[\w.]+)?$/, name);
      assert.equal(lock.packages[`node_modules/${name}`]?.version, version, name);
    }
    assert.deepEqual(lock.packages[""]?.dependencies, manifest.dependencies);
    assert.deepEqual(lock.packages[""]?.devDependencies, manifest.devDependencies);
  });

  it("every locked package has its SHA-512 and comes from a registry", () => {
    assert.equal(lock.lockfileVersion, 3);
    assert.ok(packages.length > 100);
    for (const [path, { integrity, resolved, link, version }] of packages) {
      assert.match(integrity ?? "", /^sha512-[A-Za-z0-9+/]{86}==$/, path);
      assert.match(version ?? "", /^\d+\.\d+\.\d+/, path);
      assert.equal(link, undefined, path);
      if (resolved !== undefined) assert.match(resolved, /^https:\/\/registry\.npmjs\.org\//, path);
    }
  });

  it("no package's install script is needed, and those that have one are named with the reason", () => {
    const found = packages.filter(([, { hasInstallScript }]) => hasInstallScript);
    assert.deepEqual(found.map(([path]) => path.replace(/^.*node_modules\//, "")).sort(), withScripts);
    assert.equal(lock.packages["node_modules/cpu-features"]?.optional, true);
    for (const name of withScripts)
      assert.match(read("docs/RELEASING.md"), new RegExp(`install script.*[^]*${name}`), name);
    for (const file of [".ci/run", "docs/RELEASING.md", "CONTRIBUTING.md"])
      assert.match(read(file), /npm ci --ignore-scripts/, file);
  });

  it("the audit tells holes from no answer", async () => {
    const { readAudit } = (await import(join(root, "src/dev/audit.mjs"))) as {
      readonly readAudit: (text: string) => { readonly problem?: string; readonly findings?: readonly string[] };
    };
    const via = [{ title: "bad", url: "https://example.org/1", severity: "high", range: "<2.0.0" }, "other"];
    const hole = { vulnerabilities: { x: { name: "x", severity: "high", range: "<2.0.0", via } } };
    assert.deepEqual(readAudit(`npm warn\n${JSON.stringify(hole)}`).findings, [
      "x <2.0.0: bad (high), https://example.org/1",
    ]);
    assert.deepEqual(readAudit('{"vulnerabilities":{}}').findings, []);
    for (const text of ["", "no", "{}", '{"message":"405 Method Not Allowed"}', '{"error":{"summary":"x"}}'])
      assert.ok((readAudit(text).problem ?? "").length > 0, text);
    assert.match(read(".ci/run"), /npm run (?:--silent )?audit/);
  });

  describe("the bundle", () => {
    /** Builds it from a copy of the sources; all that it made but the names of directories. */
    async function bundle(depth: string, argv: readonly string[], env: Readonly<Record<string, string>>) {
      const directory = join(scope.tempDir("bundle"), depth);
      mkdirSync(directory, { recursive: true });
      for (const path of ["src", "modules", "package.json"])
        cpSync(join(root, path), join(directory, path), { recursive: true });
      cpSync(join(root, "native/build"), join(directory, "native/build"), {
        recursive: true,
        filter: (path) => /native\/build$|crun-helper-[^/]*$|\.made-with$/.test(path),
      });
      symlinkSync(join(root, "node_modules"), join(directory, "node_modules"));
      await must([...argv, process.execPath, join(directory, "src/dev/bundle.mjs"), "--without-cache"], {
        cwd: "/",
        env: { PATH: process.env["PATH"], ...env },
      });
      const dist = join(directory, "dist");
      const names = readdirSync(dist, { recursive: true, encoding: "utf8", withFileTypes: true }).filter((one) =>
        one.isFile(),
      );
      return new Map(
        names
          .map((one) => join(one.parentPath, one.name))
          .sort()
          .map((path) => [path.slice(dist.length + 1), readFileSync(path)] as const),
      );
    }

    it("is the same bytes wherever it is built, and holds nothing of where that was", async () => {
      const one = await bundle("a", [], { TZ: "UTC", LC_ALL: "C" });
      const other = await bundle("deeper/and/deeper", ["sh", "-c", 'umask 077; exec "$@"', "sh"], {
        TZ: "Pacific/Kiritimati",
        LC_ALL: "C.UTF-8",
        LANG: "tr_TR.UTF-8",
        HOME: "/nowhere",
        USER: "somebody",
      });
      assert.deepEqual([...one.keys()], [...other.keys()]);
      assert.ok(one.has("program.cjs") && one.has("THIRD-PARTY.txt"), [...one.keys()].join());
      for (const [name, bytes] of one) {
        assert.ok(other.get(name)?.equals(bytes), `${name} differs`);
        assert(!bytes.includes("crun-test-bundle"), `${name} tells where it was built`);
      }
    });

    it("carries the notice of every package in it", () => {
      const notices = read("dist/THIRD-PARTY.txt");
      for (const name of Object.keys(manifest.dependencies)) {
        const version = lock.packages[`node_modules/${name}`]?.version ?? "";
        const at = notices.indexOf(`\n${name} ${version} (`);
        assert.ok(at > 0, `${name} ${version}`);
        const section = notices.slice(at, notices.indexOf(`\n${"-".repeat(78)}\n`, at));
        assert.match(section, /copyright|public domain|unlicense/i, name);
        assert.ok(section.length > 400, `${name}: its licence's text`);
      }
      assert.match(notices, /^(?:musl|the GNU C Library)$/m);
    });

    it("is refused where a package has a licence that nobody has looked at", async () => {
      const { thirdPartyNotices } = (await import(join(root, "src/dev/third-party.mjs"))) as {
        readonly thirdPartyNotices: (root: string, inputs: readonly string[], madeWith: readonly string[]) => string;
      };
      const directory = `${scope.tempDir("licence")}/`;
      mkdirSync(join(directory, "node_modules/x"), { recursive: true });
      const write = (name: string, text: string): void => writeFileSync(join(directory, "node_modules/x", name), text);
      write("package.json", JSON.stringify({ name: "x", version: "1.0.0", license: "AGPL-3.0" }));
      const notices = (): string => thirdPartyNotices(directory, ["node_modules/x/index.js"], []);
      assert.throws(notices, /x 1\.0\.0 has the licence "AGPL-3\.0"/);
      write("package.json", JSON.stringify({ name: "x", version: "1.0.0", license: "MIT" }));
      assert.throws(notices, /brings no text of its licence/);
      write("LICENSE", "Copyright x");
      assert.match(notices(), /x 1\.0\.0 \(MIT\)\n\nCopyright x/);
    });
  });

  it("the package holds what is meant, and no more", async function () {
    requireOrSkip(this, { tools: ["npm"], paths: [join(root, "dist/THIRD-PARTY.txt")] });
    const home = scope.tempDir("home");
    const { stdout } = await run(["npm", "pack", "--dry-run", "--json", "--ignore-scripts"], {
      cwd: root,
      env: { PATH: process.env["PATH"], HOME: home },
    });
    const [packed] = JSON.parse(stdout) as readonly [{ readonly files: readonly { readonly path: string }[] }];
    const docs = readdirSync(join(root, "docs")).map((name) => `docs/${name}`);
    assert.ok(docs.every((name) => name.endsWith(".md")));
    const helpers = readdirSync(join(root, "dist/native")).map((name) => `dist/native/${name}`);
    assert.ok(
      helpers.every((name) => /crun-helper-(?:x86_64|aarch64)$/.test(name)),
      helpers.join(),
    );
    const meant = [
      "LICENSE",
      "README.md",
      "package.json",
      ...["THIRD-PARTY.txt", "age-worker.js", "crun.js", "package.json", "program.cjs", "program.js"].map(
        (name) => `dist/${name}`,
      ),
      ...helpers,
      ...docs,
    ];
    assert.deepEqual(packed.files.map(({ path }) => path).sort(), meant.sort());
    assert.deepEqual(manifest.files, ["dist", "!dist/program.cache", "docs", "README.md", "LICENSE"]);
  });
});
