// A slip in the name of a connection variable is told; names that merely look alike are left alone.

import assert from "node:assert/strict";
import { rawLayer } from "../../src/playbook/scope/scope.js";
import { connectionVariables } from "../../src/target/address.js";
import { misspelledConnectionVariables } from "../../src/target/misspelled.js";

const remedies = (...names: string[]): (string | undefined)[] =>
  misspelledConnectionVariables([rawLayer("x", Object.fromEntries(names.map((name) => [name, 1])))]).map(
    ({ remedy }) => remedy,
  );

describe("target: misspelled connection variables", () => {
  const slips: readonly (readonly [string, string])[] = [
    ["crun_prot", "crun_port"],
    ["crun_hosts", "crun_host"],
    ["crun_usr", "crun_user"],
    ["crun_identiy", "crun_identity"],
    ["crun_bcome", "crun_become"],
    ["crun_limit", "crun_limits"],
    ["ansible_hots", "ansible_host"],
    ["ansible_ssh_privat_key_file", "ansible_ssh_private_key_file"],
    ["ansible_become_passwrd", "ansible_become_password"],
  ];
  for (const [name, meant] of slips)
    it(`takes ${name} for ${meant}`, () => assert.deepEqual(remedies(name), [`Did you mean ${meant}?`]));

  it("says nothing of right names, of Ansible's others and of what somebody called so", () => {
    assert.deepEqual(remedies(...connectionVariables, "crun_limits"), []);
    const others =
      "ansible_python_interpreter ansible_shell_type ansible_ssh_args ansible_ssh_common_args ansible_ssh_extra_args ansible_ssh_pipelining " +
      "ansible_group_priority ansible_hostname ansible_user_id ansible_user_dir ansible_os_family ansible_distribution ansible_facts " +
      "ansible_become_method ansible_timeout ansible_winrm_scheme ansible_connection_timeout crun_team crun_backend crunch host port";
    assert.deepEqual(remedies(...others.split(" ")), []);
  });
});
