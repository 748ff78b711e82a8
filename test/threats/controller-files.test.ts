// Facts that name files on the controller, as playbooks for several distributions have it, name none that the tree's owner chooses.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Workplace } from "../integration/cli.js";
import { testScope } from "../lab/scope.js";
import { scene } from "./oracle.js";

const facts =
  "os os_family version codename distribution distribution_version distribution_release hostname fqdn package_manager init".split(
    " ",
  );

describe("threats: facts in names of files", function () {
  this.timeout(15_000);
  const scope = testScope();

  it("lead include_vars and copy to no other file of the controller's", async () => {
    const { tree } = scene(scope);
    const place = new Workplace(scope);
    place.write("../outside", "leak: CONTROLLER\n");
    place.write("../outside.yml", "leak: CONTROLLER\n");
    const tasks = facts.flatMap((fact) => [
      `include_vars: "{{facts.${fact}}}.yml"`,
      `include_vars: "vars/{{facts.${fact}}}.yml"`,
      `copy: {src: "{{facts.${fact}}}", dest: /srv/${fact}}`,
      `template: {src: "{{facts.${fact}}}", dest: /srv/${fact}}`,
    ]);
    const plays = [...tasks, `debug: {msg: "{{default leak 'none'}}"}`].map(
      (one) => `    - ${one}\n      ignore_errors: true\n`,
    );
    place.write("site.yml", `- hosts: local:${tree}\n  tasks:\n${plays.join("")}`);
    for (const name of ["../outside", "../../outside", join(place.directory, "../outside")]) {
      writeFileSync(
        join(tree, "etc/os-release"),
        `ID="${name}"\nVERSION_ID="${name}"\nVERSION_CODENAME="${name}"\nNAME="${name} Linux"\n`,
      );
      for (const file of ["hostname", "debian_version"]) writeFileSync(join(tree, "etc", file), `${name}\n`);
      const { all, status } = await place.crun(["play", "site.yml"]);
      assert.equal(status, 0, all);
      assert.doesNotMatch(all, /CONTROLLER/);
      assert.match(all, /none/);
    }
  });
});
