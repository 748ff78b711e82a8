// Services: fixtures, and the scenarios of Ansible's integration target `service` as far as links and decisions go.

import assert from "node:assert/strict";
import fc from "fast-check";
import service from "../../modules/service.js";
import systemd from "../../modules/systemd.js";
import { modelOf, planFixture, testFixtures, type Programs, type Tree } from "../module/harness.js";
import { runSteps } from "./steps.js";

const unit = (install: string): string =>
  `[Unit]\nDescription=x\n\n[Service]\nExecStart=/bin/true\n\n[Install]\n${install}`;
const usr = "/usr/lib/systemd/system";
const etc = "/etc/systemd/system";
const merged: Tree = { "/lib": { target: "usr/lib" }, [etc]: { type: "directory" } };
const plain: Tree = { ...merged, [`${usr}/app.service`]: unit("WantedBy=multi-user.target\n") };
const enabled: Tree = {
  ...plain,
  [`${etc}/multi-user.target.wants/app.service`]: { target: "/lib/systemd/system/app.service" },
};
const machine = { name: "web1" };
const shows = (active: string, more = ""): Programs => ({
  "systemctl show --no-pager app.service": {
    stdout: `Id=app.service\nLoadState=loaded\nActiveState=${active}\nSubState=x\n${more}`,
  },
});
const script =
  "#!/bin/sh\n### BEGIN INIT INFO\n# Provides: app\n# Default-Start:     2 3 4 5\n# Default-Stop:      0 1 6\n### END INIT INFO\n";
const restarts = "restarting acts each time";

const anyOfTheLinks =
  "as for systemctl is-enabled, any of the links is enough: which of them somebody has taken away on purpose cannot be told";

testFixtures(service, [
  {
    name: "finds nothing to do where the service is enabled (converged)",
    tree: enabled,
    params: { name: "app", enabled: true },
    expect: { changed: false, result: { name: "app", enabled: true } },
  },
  {
    name: "enables with the link that systemctl would make, and its directory (partial)",
    tree: plain,
    params: { name: "app", enabled: true },
    expect: {
      kinds: ["makeDirectory", "makeLink"],
      after: { [`${etc}/multi-user.target.wants/app.service`]: { target: "/lib/systemd/system/app.service" } },
    },
  },
  {
    name: "disables, and takes the empty directory away",
    isOtherBrokenOff: anyOfTheLinks,
    tree: enabled,
    params: { name: "app.service", enabled: false },
    expect: {
      kinds: ["remove", "remove"],
      result: { enabled: false },
      after: { [`${etc}/multi-user.target.wants`]: undefined },
    },
  },
  {
    name: "says which service it could not find (error)",
    tree: plain,
    params: { name: "nosuch", enabled: true },
    expect: { refusal: /Could not find the requested service nosuch/ },
  },
  {
    name: "refuses to start in a tree that is not booted, and says what to do",
    tree: enabled,
    params: { name: "app", state: "started" },
    expect: { refusal: /not booted, so app cannot be started.*Boot it/ },
  },
  {
    name: "refuses to enable what is masked",
    tree: { ...plain, [`${etc}/app.service`]: { target: "/dev/null" } },
    params: { name: "app", enabled: true },
    expect: { refusal: /app.service is masked by \/etc/ },
  },
  {
    name: "has nothing to disable in what is masked",
    tree: { ...plain, [`${etc}/app.service`]: { target: "/dev/null" } },
    params: { name: "app", enabled: false },
    expect: { changed: false },
  },
  {
    name: "says of a unit without [Install] that it cannot be enabled",
    tree: { ...merged, [`${usr}/app.service`]: "[Service]\nExecStart=/x\n" },
    params: { name: "app", enabled: true },
    expect: { changed: false, warning: /no \[Install\] section/ },
  },
  {
    name: "follows the unit of the administrator rather than the vendor's, and its drop-ins",
    isOtherBrokenOff: anyOfTheLinks,
    tree: {
      ...plain,
      [`${etc}/app.service`]: unit("WantedBy=a.target\n"),
      [`${etc}/app.service.d/x.conf`]: "[Install]\nWantedBy=b.target\n",
    },
    params: { name: "app", enabled: true },
    expect: {
      after: {
        [`${etc}/a.target.wants/app.service`]: { target: `${etc}/app.service` },
        [`${etc}/b.target.wants/app.service`]: { target: `${etc}/app.service` },
        [`${etc}/multi-user.target.wants`]: undefined,
      },
    },
  },
  {
    name: "follows Also, Alias and RequiredBy",
    isOtherBrokenOff: anyOfTheLinks,
    tree: {
      ...merged,
      [`${usr}/app.service`]: unit(
        'RequiredBy=x.service\nAlias=other.service "third.service"\nAlso=app.socket nosuch.service\n',
      ),
      [`${usr}/app.socket`]: "[Install]\nWantedBy=sockets.target\nAlso=app.service\n",
    },
    params: { name: "app", enabled: true },
    expect: {
      after: {
        [`${etc}/x.service.requires/app.service`]: { target: "/lib/systemd/system/app.service" },
        [`${etc}/other.service`]: { target: "/lib/systemd/system/app.service" },
        [`${etc}/third.service`]: { type: "link" },
        [`${etc}/sockets.target.wants/app.socket`]: { type: "link" },
      },
    },
  },
  {
    name: "refuses an alias whose place is taken",
    tree: {
      ...merged,
      [`${usr}/app.service`]: unit("Alias=other.service\n"),
      [`${etc}/other.service`]: { target: "/elsewhere" },
    },
    params: { name: "app", enabled: true },
    expect: { refusal: /other.service already exists and is a link to \/elsewhere/ },
  },
  {
    name: "enables the unit behind an alias",
    tree: { ...plain, [`${usr}/nick.service`]: { target: "app.service" } },
    params: { name: "nick", enabled: true },
    expect: { after: { [`${etc}/multi-user.target.wants/app.service`]: { type: "link" } } },
  },
  {
    name: "enables an instance of a template by the template's file, with its specifiers",
    isOtherBrokenOff: anyOfTheLinks,
    tree: { ...merged, [`${usr}/app@.service`]: unit("WantedBy=%i.target %p-all.target\n") },
    params: { name: "app@one", enabled: true },
    expect: {
      after: {
        [`${etc}/one.target.wants/app@one.service`]: { target: "/lib/systemd/system/app@.service" },
        [`${etc}/app-all.target.wants/app@one.service`]: { type: "link" },
      },
    },
  },
  {
    name: "enables a template's default instance",
    tree: { ...merged, [`${usr}/app@.service`]: unit("WantedBy=a.target\nDefaultInstance=dd\n") },
    params: { name: "app@", enabled: true },
    expect: { after: { [`${etc}/a.target.wants/app@dd.service`]: { target: "/lib/systemd/system/app@.service" } } },
  },
  {
    name: "wants an instance where a template has no default",
    tree: { ...merged, [`${usr}/app@.service`]: unit("WantedBy=a.target\n") },
    params: { name: "app@.service", enabled: true },
    expect: { refusal: /app@.service is a template.*Name an instance, as app@NAME.service/ },
  },
  {
    name: "disables all instances of a template",
    isOtherBrokenOff: anyOfTheLinks,
    tree: {
      ...merged,
      [`${usr}/app@.service`]: unit("WantedBy=a.target\n"),
      [`${etc}/a.target.wants/app@x.service`]: { target: `${usr}/app@.service` },
      [`${etc}/a.target.wants/app@y.service`]: { target: `${usr}/app@.service` },
    },
    params: { name: "app@", enabled: false },
    expect: { after: { [`${etc}/a.target.wants`]: undefined } },
  },
  {
    name: "writes links to /usr/lib where the tree's links are so",
    tree: { ...plain, [`${etc}/x.target.wants/y.service`]: { target: `${usr}/y.service` } },
    params: { name: "app", enabled: true },
    expect: { after: { [`${etc}/multi-user.target.wants/app.service`]: { target: `${usr}/app.service` } } },
  },
  {
    name: "takes timers and other units by their suffix",
    tree: { ...merged, [`${usr}/app.timer`]: "[Install]\nWantedBy=timers.target\n" },
    params: { name: "app.timer", enabled: true },
    expect: { after: { [`${etc}/timers.target.wants/app.timer`]: { type: "link" } } },
  },
  {
    name: "names a specifier that it does not know",
    tree: { ...merged, [`${usr}/app.service`]: unit("WantedBy=%H.target\n") },
    params: { name: "app", enabled: true },
    expect: { refusal: /specifier %H/ },
  },
  {
    name: "makes the links of an init script by its header",
    isOtherBrokenOff: anyOfTheLinks,
    tree: { "/etc/init.d/app": { content: script, mode: 0o755 }, "/etc/rc2.d": { type: "directory" } },
    params: { name: "app", enabled: true },
    expect: {
      after: {
        "/etc/rc2.d/S01app": { target: "../init.d/app" },
        "/etc/rc6.d/K01app": { target: "../init.d/app" },
        "/etc/rc3.d": { type: "directory" },
      },
    },
  },
  {
    name: "turns the links of an init script that has some, and keeps their numbers",
    tree: {
      "/etc/init.d/app": script,
      "/etc/rc2.d/S17app": { target: "../init.d/app" },
      "/etc/rc6.d/K02app": { target: "../init.d/app" },
    },
    params: { name: "app", enabled: false },
    expect: {
      kinds: ["rename"],
      after: {
        "/etc/rc2.d/S17app": undefined,
        "/etc/rc2.d/K17app": { target: "../init.d/app" },
        "/etc/rc6.d/K02app": { type: "link" },
      },
    },
  },
  {
    name: "leaves the order of init scripts to insserv where the tree has it",
    tree: { "/etc/init.d/app": script, "/etc/insserv.conf": "" },
    params: { name: "app", enabled: true },
    expect: {
      argv: [
        ["update-rc.d", "app", "defaults"],
        ["update-rc.d", "app", "enable"],
      ],
    },
  },
  {
    name: "refuses an init script without a header",
    tree: { "/etc/init.d/app": "#!/bin/sh\n" },
    params: { name: "app", enabled: true },
    expect: { refusal: /names no run levels/ },
  },
  {
    name: "turns unit and init script together, as systemctl does",
    isOtherBrokenOff: anyOfTheLinks,
    tree: { ...plain, "/etc/init.d/app": script },
    params: { name: "app", enabled: true },
    expect: {
      after: {
        [`${etc}/multi-user.target.wants/app.service`]: { type: "link" },
        "/etc/rc2.d/S01app": { type: "link" },
      },
    },
  },
  {
    name: "starts what does not run in a machine",
    tree: enabled,
    machine,
    programs: shows("inactive"),
    params: { name: "app", state: "started" },
    expect: { argv: [["systemctl", "start", "app.service"]], result: { state: "started" } },
    isNeverConverged: "the fixture's service stays as it is",
  },
  {
    name: "leaves what runs alone",
    tree: enabled,
    machine,
    programs: shows("active"),
    params: { name: "app", state: "started" },
    expect: { changed: false, result: { state: "started" } },
  },
  {
    name: "leaves what starts alone",
    tree: enabled,
    machine,
    programs: shows("activating"),
    params: { name: "app", state: "started" },
    expect: { changed: false },
  },
  {
    name: "stops what runs, and what is still stopping",
    tree: enabled,
    machine,
    programs: shows("deactivating"),
    params: { name: "app", state: "stopped" },
    expect: { argv: [["systemctl", "stop", "app.service"]], result: { state: "stopped" } },
    isNeverConverged: "the fixture's service stays as it is",
  },
  {
    name: "has nothing to stop in what failed",
    tree: enabled,
    machine,
    programs: shows("failed"),
    params: { name: "app", state: "stopped" },
    expect: { changed: false },
  },
  {
    name: "restarts each time",
    tree: enabled,
    machine,
    programs: shows("active"),
    params: { name: "app", state: "restarted" },
    expect: { argv: [["systemctl", "restart", "app.service"]], result: { state: "started" } },
    isNeverConverged: restarts,
  },
  {
    name: "starts what should be reloaded and does not run",
    tree: enabled,
    machine,
    programs: shows("inactive"),
    params: { name: "app", state: "reloaded" },
    expect: { argv: [["systemctl", "start", "app.service"]], result: { state: "started" } },
    isNeverConverged: restarts,
  },
  {
    name: "has systemd read links anew where it runs",
    tree: plain,
    machine,
    params: { name: "app", enabled: true },
    expect: { kinds: ["makeDirectory", "makeLink", "exec"], argv: [["systemctl", "daemon-reload"]] },
  },
  {
    name: "says what is wrong with a unit file that systemd cannot load",
    tree: enabled,
    machine,
    programs: shows("inactive", 'LoadError=org.x.Bad "Bad"\n'),
    params: { name: "app", state: "started" },
    expect: { refusal: /Error loading unit file 'app'.*Bad/ },
  },
  {
    name: "asks the init script itself on a host without systemd",
    tree: { "/etc/init.d/app": script },
    context: {
      target: { name: "local", host: "local", tree: undefined, path: "/", entry: "auto", trees: "/var/lib/machines" },
    },
    programs: { "/etc/init.d/app status": { status: 3 } },
    params: { name: "app", state: "started", arguments: "-v x" },
    expect: { argv: [["/etc/init.d/app", "start", "-v", "x"]] },
    isNeverConverged: "the fixture's service stays as it is",
  },
  {
    name: "refuses patterns",
    tree: plain,
    params: { name: "app*", enabled: true },
    expect: { problem: /takes no patterns/ },
  },
  {
    name: "refuses what would be an option",
    tree: plain,
    params: { name: "--now", enabled: true },
    expect: { problem: /no service's name/ },
  },
  { name: "needs state or enabled", tree: plain, params: { name: "app" }, expect: { problem: /one of/ } },
]);

testFixtures(systemd, [
  {
    name: "finds nothing to do where the unit is masked (converged)",
    tree: { ...plain, [`${etc}/app.service`]: { target: "/dev/null" } },
    params: { name: "app", masked: true },
    expect: { changed: false },
  },
  {
    name: "masks a unit, there or not (partial)",
    tree: merged,
    params: { name: "app", masked: true },
    expect: { kinds: ["makeLink"], after: { [`${etc}/app.service`]: { target: "/dev/null" } } },
  },
  {
    name: "does not mask over a file (error)",
    tree: { ...plain, [`${etc}/app.service`]: unit("") },
    params: { name: "app", masked: true },
    expect: { refusal: /cannot be masked: .*is there already/ },
  },
  {
    name: "takes a mask away and enables what was behind it",
    tree: { ...plain, [`${etc}/app.service`]: { target: "/dev/null" } },
    params: { name: "app", masked: false, enabled: true },
    expect: {
      after: { [`${etc}/app.service`]: undefined, [`${etc}/multi-user.target.wants/app.service`]: { type: "link" } },
    },
  },
  {
    name: "has nothing to read anew in a tree that is not booted",
    tree: plain,
    params: { daemon_reload: true },
    expect: { changed: false },
  },
  {
    name: "has units read anew before a start, without waiting where that is asked for",
    tree: enabled,
    machine,
    programs: shows("inactive"),
    params: { name: "app", daemon_reload: true, state: "started", no_block: true },
    expect: {
      argv: [
        ["systemctl", "daemon-reload"],
        ["systemctl", "--no-block", "start", "app.service"],
      ],
    },
    isNeverConverged: "the fixture's service stays as it is",
  },
  {
    name: "refuses the units of users",
    tree: plain,
    params: { name: "app", enabled: true, scope: "user" },
    expect: { problem: /scope: user is not supported/ },
  },
  { name: "needs a name for what concerns a unit", tree: plain, params: { masked: true }, expect: { problem: /name/ } },
]);

describe("Ansible's integration target service", () => {
  const name = "ansible_test";
  const tree: Tree = {
    ...merged,
    [`${usr}/ansible_test.service`]: unit("WantedBy=multi-user.target\n"),
    [`${usr}/ansible_broken_test.service`]: unit("WantedBy=%broken.target\n"),
  };

  it("1: enabling in check mode is a change and leaves the tree alone; then it is one", () => {
    runSteps(tree, [
      { module: service, params: { name, enabled: false }, changed: false },
      { module: service, params: { name, enabled: true }, isCheck: true, changed: true },
      {
        module: service,
        params: { name, enabled: true },
        changed: true,
        verify: (_, plan) => assert.equal(plan.result?.["enabled"], true),
      },
      { module: service, params: { name, enabled: true }, changed: false },
    ]);
  });

  it("2: disabling is a change", () => {
    runSteps(tree, [
      { module: service, params: { name, enabled: true }, changed: true },
      {
        module: service,
        params: { name, enabled: false },
        changed: true,
        verify: (_, plan) => assert.equal(plan.result?.["enabled"], false),
      },
    ]);
  });

  it("3: a broken service cannot be enabled", () => {
    runSteps(tree, [
      { module: service, params: { name: "ansible_broken_test", enabled: true }, fails: /specifier %b/ },
    ]);
  });

  it("4: a service that is not there fails, in check mode too", () => {
    runSteps(tree, [
      {
        module: service,
        params: { name: "nonexisting", state: "stopped" },
        fails: /Could not find the requested service nonexisting/,
      },
      {
        module: service,
        params: { name: "nonexisting", state: "stopped" },
        isCheck: true,
        fails: /Could not find the requested service nonexisting/,
      },
    ]);
  });
});

describe("law of the module service", () => {
  const word = fc.constantFrom("a.target", "b.service", "c.socket");
  const some = (key: string) =>
    fc.array(word, { maxLength: 2 }).map((words) => (words.length > 0 ? `${key}=${words.join(" ")}\n` : ""));
  const install = fc
    .tuple(
      some("WantedBy"),
      some("RequiredBy"),
      fc.constantFrom("", "Alias=z.service\n"),
      fc.constantFrom("", "Also=app.socket\n"),
    )
    .map((lines) => lines.join(""));

  it("a second run finds nothing to do, whatever units say and links there are", () => {
    fc.assert(
      fc.property(
        install,
        install,
        fc.array(
          fc.constantFrom(
            "a.target.wants/app.service",
            "a.target.wants/other.service",
            "b.service.requires/app.service",
            "z.service",
          ),
          { maxLength: 4 },
        ),
        fc.boolean(),
        fc.boolean(),
        (app, socket, links, isWanted, hasScript) => {
          const tree: Tree = {
            ...merged,
            [`${usr}/app.service`]: unit(app),
            [`${usr}/app.socket`]: unit(socket.replace("app.socket", "app.service")),
            ...Object.fromEntries(
              [...new Set(links)].map((link) => [
                `${etc}/${link}`,
                { target: `/lib/systemd/system/${link.includes("other") ? "other" : "app"}.service` },
              ]),
            ),
            ...(hasScript ? { "/etc/init.d/app": script } : {}),
          };
          const model = modelOf(tree);
          const fixture = { name: "law", params: { name: "app", enabled: isWanted }, expect: {} };
          const { plan } = planFixture(service, fixture, model);
          if (!plan || plan.refusal) return;
          model.predict(plan.changes);
          assert.deepEqual(planFixture(service, fixture, model).plan?.changes, []);
        },
      ),
      { numRuns: 150 },
    );
  });
});
