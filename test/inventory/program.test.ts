// Executable inventories keep Ansible's contract: --list with _meta, or --host for each; nothing of them outlives the load.

import assert from "node:assert/strict";
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { CrunError } from "../../src/diagnostic/diagnostic.js";
import { namesOf, valuesOf, Workshop } from "./workshop.js";

/** A program that prints one JSON value for --list and others for --host NAME. */
function program(list: unknown, hosts: Readonly<Record<string, unknown>> = {}): string {
  const answers = Object.entries(hosts).map(([name, vars]) => `'${name}') echo '${JSON.stringify(vars)}';;`);
  return `#!/bin/sh
case "$1" in
  --list) cat <<'END'
${JSON.stringify(list)}
END
  ;;
  --host) case "$2" in ${answers.join(" ")} esac;;
  *) exit 9;;
esac
`;
}

describe("executable inventories", function () {
  this.timeout(30_000);
  const shop = new Workshop();

  it("take hosts, vars and children of maps, lists as hosts, and variables of _meta", async () => {
    const list = {
      _meta: { hostvars: { a: { x: 1, list: [1, { b: null }] }, stranger: { y: 1 } } },
      web: { hosts: ["a", "b"], vars: { port: 80 } },
      db: ["c"],
      prod: { children: ["web", "db"], vars: { env: "prod", url: "http://{{port}}/" } },
      empty: {},
      all: { vars: { top: true } },
    };
    const inventory = await shop.load({ "inv.sh": program(list) }, ["inv.sh"]);
    assert.equal(namesOf(inventory, "prod"), "a b c");
    assert.deepEqual(valuesOf(inventory, "a"), {
      top: true,
      env: "prod",
      url: "http://80/",
      port: 80,
      x: 1,
      list: [1, { b: null }],
    });
    assert.deepEqual(inventory.groups.get("empty"), []);
    assert.equal(inventory.targets.has("stranger"), false);
  });

  it("take what ansible-inventory --list prints", async () => {
    const list = {
      _meta: { hostvars: { a: { x: 1 } } },
      all: { children: ["ungrouped", "web"] },
      web: { hosts: ["a"] },
    };
    const inventory = await shop.load({ "inv.sh": program(list) }, ["inv.sh"]);
    assert.deepEqual(inventory.targets.get("a")?.groups, ["web"]);
  });

  it("are asked for each host where there is no _meta.hostvars, and may have nothing to say", async () => {
    const hosts = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`h${index}`, { number: index }]));
    const text = program({ web: ["silent", ...Object.keys(hosts)], _meta: {} }, hosts);
    const inventory = await shop.load({ "inv.sh": text }, ["inv.sh"]);
    assert.deepEqual(valuesOf(inventory, "h17"), { number: 17 });
    assert.deepEqual(valuesOf(inventory, "silent"), {});
  });

  it("ask at most eight programs at once", async () => {
    const text = `#!/bin/sh
if [ "$1" = --list ]; then echo '{"web": [${Array.from({ length: 24 }, (_, index) => `"h${index}"`).join()}]}'; exit; fi
echo + >> ${shop.path("log")}; sleep 0.1; echo - >> ${shop.path("log")}; echo '{}'
`;
    shop.write({ log: "" });
    await shop.load({ "inv.sh": text }, ["inv.sh"]);
    let running = 0;
    let most = 0;
    for (const mark of readFileSync(shop.path("log"), "utf8").split("\n")) {
      running += mark === "+" ? 1 : mark === "-" ? -1 : 0;
      most = Math.max(most, running);
    }
    assert.ok(most > 1 && most <= 8, `${most} at once`);
  });

  it("take a map without hosts, vars and children as a host with its variables, as Ansible does", async () => {
    const inventory = await shop.load({ "inv.sh": program({ _meta: { hostvars: {} }, solo: { x: 1 } }) }, ["inv.sh"]);
    assert.deepEqual(valuesOf(inventory, "solo"), { x: 1 });
  });

  it("keep integers beyond 2^53 as they were printed", async () => {
    const text = `#!/bin/sh\necho '{"_meta": {"hostvars": {"a": {"id": 12345678901234567890, "n": 1234567890123456}}}, "web": ["a"]}'\n`;
    assert.deepEqual(valuesOf(await shop.load({ "inv.sh": text }, ["inv.sh"]), "a"), {
      id: "12345678901234567890",
      n: 1234567890123456,
    });
  });

  it("lie in a directory among other sources, with group_vars beside them, and get the environment", async () => {
    process.env["CRUN_TEST_GROUP"] = "web";
    const files = {
      "inv/10-cloud":
        '#!/bin/sh\necho "{\\"_meta\\": {\\"hostvars\\": {\\"a\\": {\\"x\\": 1}}}, \\"$CRUN_TEST_GROUP\\": [\\"a\\"]}"\n',
      "inv/20-static": "[prod:children]\nweb\n[web]\na x=2\n",
      "inv/group_vars/web.yml": "g: 1\n",
    };
    const inventory = await shop.load(files, ["inv"]);
    delete process.env["CRUN_TEST_GROUP"];
    assert.deepEqual(valuesOf(inventory, "a"), { g: 1, x: 2 });
  });

  it("need no #! to be machine code, and text that happens to be executable is read", async () => {
    shop.write({ hosts: "[web]\na\n" });
    chmodSync(shop.path("hosts"), 0o755);
    assert.equal(namesOf(await shop.load({}), "web"), "a");
    writeFileSync(shop.path("true"), readFileSync("/bin/true"), { mode: 0o755 });
    await assert.rejects(shop.load({}, ["true"]), /the output of .*true --list is no JSON: it is empty/);
  });

  it("do not outlive their time, nor what they started", async () => {
    const text = `#!/bin/sh\n(sleep 1000 & echo $! > ${shop.path("pid")}; wait)\n`;
    const begun = performance.now();
    await assert.rejects(
      shop.load({ "inv.sh": text }, ["inv.sh"], { timeoutMs: 1_000 }),
      (error) => error instanceof CrunError && /did not end within 1 s/.test(error.message),
    );
    assert.ok(performance.now() - begun < 15_000);
    const pid = readFileSync(shop.path("pid"), "utf8").trim();
    const stat = `/proc/${pid}/stat`;
    // It may take a moment to die, and whoever adopts it may not have noticed yet.
    const isAlive = (): boolean => existsSync(stat) && !/\) Z/.test(readFileSync(stat, "utf8"));
    for (let left = 50; left > 0 && isAlive(); left--) await setTimeout(100);
    assert.ok(!isAlive());
  });

  it("are not run where anybody can change them, unless the directory keeps files to their owners", async () => {
    shop.write({ "open/inv.sh": program({ web: ["a"], _meta: { hostvars: {} } }) });
    chmodSync(shop.path("open"), 0o777);
    await assert.rejects(shop.load({}, ["open/inv.sh"]), /every user of this machine can change what is in .*open/);
    chmodSync(shop.path("open"), 0o1777);
    assert.equal(namesOf(await shop.load({}, ["open/inv.sh"]), "web"), "a");
    chmodSync(shop.path("open/inv.sh"), 0o777);
    await assert.rejects(shop.load({}, ["open/inv.sh"]), /chmod o-w/);
  });
});
