// Connection variables say how a host is reached and where a tree lies.

import assert from "node:assert/strict";
import { createScope, rawLayer } from "../../src/playbook/scope/scope.js";
import {
  hostAddress,
  hostVariables,
  treeLocation,
  type ConnectionOptions,
  type PlayReach,
} from "../../src/target/address.js";
import { hostScope } from "../../src/target/host-scope.js";

const options = { connectTimeoutMs: 1, connectRetries: 0, acceptsNewHostKeys: false };
const scopeOf = (vars: Record<string, unknown>) => createScope([rawLayer("test", vars)]);
const target = (name: string) => {
  const [host = "", tree] = name.split(":");
  return { name, host, tree, groups: [] };
};

describe("address of a host", () => {
  const address = (vars: Record<string, unknown>, host = "n1") => hostAddress(host, scopeOf(vars), options);

  it("is its name over SSH unless variables say more", () => {
    const { kind, address: where, port, user, become } = address({});
    assert.deepEqual(
      { kind, where, port, user, become },
      { kind: "ssh", where: "n1", port: undefined, user: undefined, become: undefined },
    );
  });
  it("is this machine for local and localhost, and where the connection is said to be local", () => {
    assert.equal(address({}, "local").kind, "local");
    assert.equal(address({}, "localhost").kind, "local");
    assert.equal(address({ crun_host: "local" }).kind, "local");
    assert.equal(address({ ansible_connection: "local" }).kind, "local");
    assert.equal(address({ crun_host: "10.0.0.1" }, "local").kind, "ssh");
  });
  it("takes crun's names before Ansible's", () => {
    const found = address({
      ansible_host: "a",
      crun_host: "c",
      ansible_port: "2222",
      ansible_user: "u",
      ansible_ssh_private_key_file: "/k",
    });
    assert.deepEqual([found.address, found.port, found.user, found.identityFiles], ["c", 2222, "u", ["/k"]]);
  });
  it("knows how to become root", () => {
    assert.deepEqual(address({ ansible_become_pass: "x" }).become, {
      isWanted: true,
      method: "sudo",
      user: "root",
      password: "x",
    });
    assert.deepEqual(address({ crun_become: "no" }).become, { isWanted: false, method: "sudo", user: "root" });
  });
  it("refuses what makes no sense, with the near name", () => {
    assert.throws(() => address({ crun_port: "ssh" }), /crun_port must be a port/);
    assert.throws(() => address({ crun_become_method: "sudoo" }), /Did you mean "sudo"/);
    assert.throws(() => address({ crun_become: "maybe" }), /true or false/);
    assert.throws(() => address({ ansible_connection: "docker" }), /must be local or ssh, not "docker"/);
  });
  it("knows Ansible's plugins by their full names", () => {
    assert.equal(address({ ansible_connection: "ansible.builtin.local" }).kind, "local");
    assert.equal(address({ ansible_connection: "ansible.builtin.ssh" }).kind, "ssh");
    assert.equal(address({ ansible_become_method: "community.general.doas" }).become?.method, "doas");
  });
});

describe("place of a tree", () => {
  const place = (name: string, vars: Record<string, unknown> = {}) => treeLocation(target(name), scopeOf(vars), {});
  it("is beneath crun_trees by name, and where it says by path", () => {
    assert.equal(place("n1:web1").path, "/var/lib/machines/web1");
    assert.equal(place("n1:web1", { crun_trees: "/srv/trees/" }).path, "/srv/trees/web1");
    assert.equal(place("n1:/srv/x").path, "/srv/x");
    assert.equal(place("demo", { crun_path: "/srv/demo" }).path, "/srv/demo");
  });
  it("is the host's own root where no tree is named", () => {
    assert.deepEqual(place("n1"), { path: "/", entry: "auto", isHostRoot: true, trees: "/var/lib/machines" });
    assert.equal(place("demo", { crun_path: "/srv/demo" }).isHostRoot, false);
  });
  it("never climbs out of crun_trees", () => assert.throws(() => place("n1:../etc"), /no name of a tree/));
  it("refuses an unknown entry with the near one", () =>
    assert.throws(() => place("n1:a", { crun_entry: "chrot" }), /Did you mean "chroot"/));
});

describe("variables of a host", () => {
  const scope = (own: Record<string, unknown>, ...trees: Record<string, unknown>[]) =>
    hostScope(
      "n1",
      scopeOf(own),
      trees.map((vars, index) => ({ name: `n1:t${index}`, scope: scopeOf({ ...own, ...vars }) })),
      hostVariables,
    );

  it("may be written at its trees or their groups, and those that say nothing go along", () => {
    const found = hostAddress("n1", scope({ crun_user: "root" }, { crun_user: "admin", crun_port: 22 }), options);
    assert.deepEqual([found.user, found.port], ["admin", 22]);
    assert.equal(hostAddress("n1", scope({}, {}, { crun_host: "10.0.0.1" }), options).address, "10.0.0.1");
  });
  it("must not contradict each other: there is one connection; a password is not shown", () => {
    const error = /crun_become_password differs between n1:t0 and n1:t1, but all trees of a host share one connection/;
    const differing = [{ crun_become_password: "s3cret" }, { crun_become_password: "hidden" }];
    assert.throws(() => scope({}, ...differing), error);
    assert.throws(
      () => scope({}, ...differing),
      (thrown: Error) => !/s3cret|hidden/.test(thrown.message),
    );
  });
  it("those of a tree may differ from tree to tree", () => {
    assert.doesNotThrow(() => scope({}, { crun_path: "/a", crun_entry: "chroot" }, { crun_path: "/b" }));
  });
});

describe("what a play says of how its hosts are reached", () => {
  const reached = (vars: Record<string, unknown>, play: PlayReach, more: Partial<ConnectionOptions> = {}) =>
    hostAddress("n1", scopeOf(vars), { ...options, ...more }, play);
  it("holds where the inventory says nothing", () => {
    const found = reached({}, { user: "deploy", port: "2222", becomeMethod: "doas", becomeExe: "/bin/doas" });
    assert.deepEqual(
      [found.user, found.port, found.become?.method, found.become?.exe],
      ["deploy", 2222, "doas", "/bin/doas"],
    );
    assert.equal(reached({}, { connection: "local" }).kind, "local");
    assert.equal(reached({}, { connection: "ssh" }).kind, "ssh");
  });
  it("gives way to the inventory and the command line", () => {
    const play = { user: "deploy", port: "2222", becomeMethod: "doas", connection: "local" };
    const vars = { ansible_user: "u", ansible_port: 22, crun_become_method: "su", ansible_connection: "ssh" };
    const found = reached(vars, play);
    assert.deepEqual([found.user, found.port, found.become?.method, found.kind], ["u", 22, "su", "ssh"]);
    assert.equal(reached({}, play, { user: "me" }).user, "me");
    assert.equal(reached({}, play, { becomeMethod: "sudo" }).become?.method, "sudo");
  });
  it("is refused where it makes no sense", () => {
    assert.throws(() => reached({}, { port: "ssh" }), /must be a port/);
    assert.throws(() => reached({}, { becomeMethod: "sudoo" }), /Did you mean "sudo"/);
  });
});
