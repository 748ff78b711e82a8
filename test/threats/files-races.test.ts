// Rows 2, 4, 13 and 14 as races: names are swapped as fast as a program can while the real helper works.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { requireOrSkip } from "../lab/needs.js";
import { testScope } from "../lab/scope.js";
import { ways, type FileWay } from "./catalogue.js";
import { scene, withstands } from "./oracle.js";
import { assertWon, figureOf, helperSession, OPERATION_MS, runRace } from "./race-run.js";
import { races, type Race } from "./races.js";
import { giveAway, newCalls, program, rootlessPrefix, startMachine, withoutProgram } from "./ways.js";

/** Operations of each race: 100,000 by hand (README.md), fewer in CI. */
const asked = process.env["CRUN_RACE_OPERATIONS"];
const operations = Number(asked ?? 200);

describe("threats: races for names", function () {
  this.timeout(60_000 + operations * 2 * OPERATION_MS);
  const scope = testScope();
  let racer = "";
  let without = "";

  before(async function () {
    requireOrSkip(this, { root: true, tools: ["gcc", "mkfifo", "mknod", "setpriv", "systemd-nspawn"] });
    [racer, without] = await Promise.all([program(scope, "racer"), withoutProgram(scope)]);
  });

  async function run(way: FileWay, one: Race): Promise<void> {
    const place = scene(scope, "race", true);
    writeFileSync(join(place.tree, "own"), "tree's\n");
    writeFileSync(join(place.tree, "etc/secret"), "etc's\n", { mode: 0o600 });
    one.lay(place);
    if (way === "files/machine") await startMachine(scope, place);
    if (way === "files/rootless") giveAway(place);
    const prefix = way === "files/no-openat2" ? [without, newCalls] : way === "files/rootless" ? rootlessPrefix : [];
    const count = join(scope.tempDir("count"), "count");
    const raced = await withstands(place, { deadlineMs: 20_000 + operations * OPERATION_MS }, async () => {
      const session = await helperSession(prefix, place.environment);
      try {
        const owner = way === "files/rootless" ? 0 : 1000;
        const all = operations * (asked === undefined && way === "files" ? (one.weight ?? 1) : 1);
        return await runRace(one, place, session, { program: racer, count }, { operations: all, owner });
      } finally {
        await session.close();
      }
    });
    process.stdout.write(`${figureOf(one, way, raced)}\n`);
    assertWon(raced, asked === undefined ? 1 : operations);
    one.check?.(place);
  }

  for (const way of ways.files) {
    const isEverywhere = asked !== undefined || way === "files" || way === "files/no-openat2";
    for (const one of races.filter((race) => isEverywhere || race.isEverywhere === true)) {
      const rows = one.rows.length === 1 ? `row ${one.rows[0]}` : `rows ${one.rows.join(", ")}`;
      it(`${rows} (${way}): ${one.name}`, () => run(way, one));
    }
  }
});
