// Of two levels that define a variable the same wins as in Ansible, for each pair of levels and for random sets of them.

import assert from "node:assert/strict";
import fc from "fast-check";
import { ansible } from "../lab/ansible.js";
import { requireOrSkip } from "../lab/needs.js";
import { testScope } from "../lab/scope.js";
import { brief, Workplace } from "./cli.js";
import { filesFor, levels, pairs, singles, winnerOf, type Variable } from "./precedence-play.js";

type Values = Readonly<Record<string, unknown>>;

const subsets = fc
  .sample(fc.subarray([...levels], { minLength: 1 }), { numRuns: 150, seed: 14 })
  .map((at, index): Variable => ({ name: `some_${index}`, at }));
const variables = [...singles(), ...pairs(), ...subsets];

async function byCrun(place: Workplace): Promise<Values> {
  const told = await place.play(["-i", "inventory/hosts", "-e", "@extra.json", "site.yml"]);
  const msg = told.results.find(({ task }) => task.endsWith("show"))?.result["msg"];
  assert.ok(typeof msg === "object" && msg !== null, brief(told));
  return { ...msg };
}

async function byAnsible(place: Workplace): Promise<Values> {
  const environment = { ...place.environment, ANSIBLE_NOCOLOR: "1" };
  const args = ["-i", "inventory/hosts", "-e", "@extra.json", "site.yml"];
  const { stdout, stderr } = await ansible("ansible-playbook", args, { cwd: place.directory, env: environment });
  const shown = /^TASK \[site : show\].*\n[^{]*=> (\{[^]*?\n\})\n/m.exec(stdout)?.[1];
  assert.ok(shown !== undefined, `${stdout}${stderr}`);
  return (JSON.parse(shown) as { readonly msg: Values }).msg;
}

describe("precedence of variables", function () {
  this.timeout(180_000);
  const scope = testScope();
  let place: Workplace;
  let values: Values;
  before(async () => {
    place = new Workplace(scope, filesFor(variables));
    values = await byCrun(place);
  });

  for (const [index, high] of levels.entries()) {
    if (index === 0) continue;
    it(`${high} wins over ${levels[index - 1]} and all below it`, () => {
      for (let low = 0; low < index; low++) assert.equal(values[`pair_${low}_${index}`], high, levels[low]);
    });
  }

  it("each level counts where it is the only one", () => {
    for (const one of singles()) assert.equal(values[one.name], one.at[0]);
  });

  it("of any set of levels the highest wins", () => {
    for (const one of subsets) assert.equal(values[one.name], winnerOf(one), one.at.join(", "));
  });

  it("ansible-playbook says the same of each of them", async function () {
    requireOrSkip(this, { tools: ["ansible-playbook"] });
    assert.deepEqual(values, await byAnsible(place));
  });
});
