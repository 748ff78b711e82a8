// Row 1: links that lead out of a tree, in the way of everything that crun's modules do to files.

import assert from "node:assert/strict";
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { brief } from "../integration/cli.js";
import { requireOrSkip } from "../lab/needs.js";
import { testScope } from "../lab/scope.js";
import { ways } from "./catalogue.js";
import { controllerFiles, fileTasks } from "./file-operations.js";
import { scene, withstands, type Scene } from "./oracle.js";
import { hold } from "./ways.js";

describe("threats: links out of a tree", function () {
  this.timeout(120_000);
  const scope = testScope();

  before(function () {
    requireOrSkip(this, { root: true, tools: ["systemd-nspawn", "gcc", "setpriv"] });
  });

  /** A directory with a link for each way out, and a file of its own. */
  function lay(place: Scene, name: string): void {
    const at = join(place.tree, "srv", name);
    mkdirSync(join(at, "sub"), { recursive: true });
    writeFileSync(join(at, "own"), "own\n");
    symlinkSync(place.host, join(at, "absolute"));
    symlinkSync(relative(at, place.host), join(at, "up"));
    symlinkSync(`${"../".repeat(40)}${place.host.slice(1)}/secret`, join(at, "file"));
    symlinkSync("../absolute", join(at, "sub/twice"));
    symlinkSync("/proc/1/root", join(at, "magic"));
  }

  for (const way of ways.files) {
    it(`row 1 (${way}): no absolute link and no .. leads a module out of the tree`, async () => {
      const place = scene(scope, "links");
      const out = ["absolute/secret", "up/d", "up", "file", "sub/twice/secret", `magic${place.host}/secret`];
      const within = [...out, `../../../..${place.host}/secret`, "own"];
      writeFileSync(join(place.tree, "srv/own"), "own\n");
      for (const index of within.keys()) lay(place, String(index));
      const held = await hold(scope, way, place);
      const tasks = within.flatMap((path, index) => fileTasks(`/srv/${index}/${path}`));
      const told = await withstands(place, { deadlineMs: 30_000 }, () => held.play(tasks, { files: controllerFiles }));
      assert.equal(told.results.length, tasks.length, brief(told));
      // The same tasks on a file of the tree's own do something: the attacks were not in vain.
      const own = told.results.filter(({ task, status }) => task.endsWith("/own") && status === "changed");
      assert.ok(own.length > 10, brief(told));
      assert.ok(!existsSync(join(place.tree, "srv", String(within.length - 1), "own")));
    });
  }
});
