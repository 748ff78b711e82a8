// Rows 3 and 13: what is no plain file, or is one of ten gigabytes, where crun reads by itself or is told to.

import assert from "node:assert/strict";
import { cpSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { brief, type Told } from "../integration/cli.js";
import { requireOrSkip } from "../lab/needs.js";
import { testScope } from "../lab/scope.js";
import { ways } from "./catalogue.js";
import { scene, withstands, type Scene } from "./oracle.js";
import { kinds, laySpecial, readers } from "./special-files.js";
import { hold } from "./ways.js";

describe("threats: special files", function () {
  this.timeout(120_000);
  const scope = testScope();

  before(function () {
    requireOrSkip(this, { root: true, tools: ["gcc", "python3", "setpriv", "systemd-nspawn"] });
  });

  /** Every task came to an end, none by a lost helper, and each that failed says why in a sentence. */
  function assertTold(told: Told, trees: number): void {
    assert.equal(told.results.length, readers.length * trees, brief(told));
    for (const counts of Object.values(told.recap)) assert.equal(counts.unreachable, 0, brief(told));
    for (const { status, message = "", task, target } of told.results) {
      if (status === "failed" || status === "ignored")
        assert.notEqual(message, "", `${target} ${task}: ${brief(told)}`);
      assert.doesNotMatch(message, /bug in crun|undefined|\[object/, message);
    }
  }

  /** A tree for each kind, beside each other in the scene's. */
  function trees(place: Scene, names: readonly string[]): Record<string, string> {
    return Object.fromEntries(
      names.map((kind) => {
        const tree = join(place.tree, kind.replaceAll(" ", "-"));
        for (const name of readdirSync(place.tree).filter((one) => one === "etc" || one === "srv"))
          cpSync(join(place.tree, name), join(tree, name), { recursive: true });
        laySpecial(tree, kind);
        return [kind.replaceAll(" ", "_"), tree];
      }),
    );
  }

  for (const way of ways.files.filter((one) => one !== "files/machine")) {
    it(`rows 3, 13 (${way}): things that are no plain files in the place of each file that crun reads`, async () => {
      const place = scene(scope, "special");
      const names = Object.keys(kinds).filter(
        (kind) => way === "files" || ["fifo", "zero", "sparse", "loop"].includes(kind),
      );
      const all = trees(place, names);
      const held = await hold(scope, way, place);
      const told = await withstands(place, { deadlineMs: 60_000 }, () =>
        held.play(readers, { trees: all, timeoutMs: 60_000 }),
      );
      assertTold(told, names.length);
    });
  }

  it("rows 3, 13 (files/machine): the same in a machine that runs", async () => {
    const place = scene(scope, "special");
    const held = await hold(scope, "files/machine", place);
    for (const kind of ["fifo", "sparse"]) {
      laySpecial(place.tree, kind);
      assertTold(await withstands(place, { deadlineMs: 30_000 }, () => held.play(readers)), 1);
    }
  });
});
