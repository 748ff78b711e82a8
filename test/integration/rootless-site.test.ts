// A whole job in a Debian tree, by root, by a login with subordinate ids and by one with a single id: the trees come out the same.

import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describeDifferences, diffTrees, lookAtTree, type Entry } from "../lab/hash.js";
import { Login } from "../lab/login.js";
import { requireOrSkip } from "../lab/needs.js";
import { must } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { debianTree, overlayTree } from "../lab/trees.js";
import { crun, crunPath } from "./crun-tasks.js";
import { makeArchive, type Package } from "./local-archive.js";

const packages: readonly Package[] = [
  { name: "foo", version: "1.0", files: { "etc/foo.conf": "x\n" }, scripts: { conffiles: "/etc/foo.conf\n" } },
  {
    name: "food",
    version: "1.0",
    fields: ["Depends: foo"],
    files: {
      "usr/sbin/food": "#!/bin/sh\nexec sleep 1000\n",
      "lib/systemd/system/food.service": "[Service]\nExecStart=/usr/sbin/food\n[Install]\nWantedBy=multi-user.target\n",
    },
    scripts: {
      // What scripts of packages do about owners, and about services.
      postinst:
        "#!/bin/sh\nset -e\nadduser --system --group --quiet --no-create-home --home /var/lib/food food 2>/dev/null || { grep -q ^food: /etc/passwd || echo food:x:150:150::/var/lib/food:/usr/sbin/nologin >>/etc/passwd; }\n" +
        "mkdir -p /var/lib/food /var/log/food\nchown root:adm /var/log/food\nchmod 2750 /var/log/food\nchown -R 150:150 /var/lib/food\ninvoke-rc.d food start || true\n",
    },
  },
];

/** `owners`: where there are any to be had but root. */
const play = `
- hosts: all
  gather_facts: true
  vars: {port: 8080}
  tasks:
    - apt: {name: food, update_cache: true}
    - group: {name: app, gid: 2000}
    - user: {name: app, uid: 2000, group: app, shell: /bin/sh, create_home: "{{owners}}"}
    - file: {path: /srv/app, state: directory, mode: "2775", owner: "{{#if owners}}app{{else}}root{{/if}}", group: "{{#if owners}}app{{else}}root{{/if}}"}
    - template: {src: app.conf, dest: /etc/app.conf, mode: "0640", group: "{{#if owners}}app{{else}}root{{/if}}"}
      notify: rebuild
    - copy: {dest: /etc/cron.d/app, content: "5 4 * * * app /usr/local/bin/app\\n"}
    - copy: {dest: /usr/local/bin/app, content: "#!/bin/sh\\nid -un\\n", mode: "0755"}
    - lineinfile: {path: /etc/foo.conf, line: "port={{port}}"}
    - service: {name: food, enabled: true}
    - command: {cmd: sh -c "/usr/local/bin/app >/srv/app/made", creates: /srv/app/made}
      become: true
      become_user: "{{#if owners}}app{{else}}root{{/if}}"
    - shell: {cmd: "echo job >/var/lib/food/job", creates: /var/lib/food/job}
      async: 30
      poll: 0
      register: job
    - async_status: {jid: "{{job.ansible_job_id}}"}
      register: end
      until: end.finished == 1
      retries: 20
      delay: 1
      when: has(job.ansible_job_id)
  handlers:
    - name: rebuild
      command: cp /etc/app.conf /var/lib/food/built
`;

/** What two runs at other times differ in by right. */
const ignore = [
  "/var/log/*",
  "/var/log/apt/*",
  "/var/cache/apt/*",
  "/var/cache/ldconfig/*",
  "/var/lib/dpkg/*-old",
  "/var/lib/dpkg/triggers/*",
  "/var/backups/*",
  "/etc/*-",
  "/etc/.pwd.lock",
];
const without = ["mtime", "links", "xattrs"] as const;

describe("a whole job without root", function () {
  this.timeout(300_000);
  const scope = testScope();
  let archive: string;
  let login: Login;
  let asRoot: ReadonlyMap<string, Entry>;
  let files: string;

  before(async function () {
    requireOrSkip(this, { root: true, tools: ["mmdebstrap", "dpkg-deb", "newuidmap"], paths: [crunPath] });
    login = new Login(scope);
    files = scope.tempDir("site");
    writeFileSync(join(files, "site.yml"), play);
    mkdirSync(join(files, "templates"));
    writeFileSync(join(files, "templates/app.conf"), "port {{port}} of {{facts.distribution}}\n");
    const pristine = await overlayTree(scope, await debianTree());
    await makeArchive(scope, pristine, packages);
    archive = join(files, "root.tar");
    const left = ["doc", "locale", "man", "zoneinfo", "info"].map((name) => `--exclude=./usr/share/${name}/*`);
    await must([
      "tar",
      "--numeric-owner",
      ...left,
      "--exclude=./dev/*",
      "--exclude=./var/lib/apt/lists/*",
      "-C",
      pristine,
      "-cf",
      archive,
      ".",
    ]);
    chmodSync(archive, 0o644);
    const path = join(scope.tempDir("root"), "tree");
    const run = async (args: readonly string[]) => crun(args);
    await job(run, path, true);
    asRoot = await lookAtTree(path, { ignore, without });
  });

  type Run = (args: readonly string[]) => Promise<{ readonly stdout: string; readonly stderr: string }>;

  /** Makes the tree and plays the job in it, twice. */
  async function job(run: Run, path: string, owners: boolean): Promise<void> {
    const made = await run(["tree", "create", `local:${path}`, "tarball", `path=${archive}`]);
    assert.match(made.stdout, /changed=1 .*failed=0/, made.stdout + made.stderr);
    for (const pattern of [/unreachable=0 +failed=0/, / changed=0 +unreachable=0 +failed=0/]) {
      const args = ["play", "-i", `local:${path},`, "-e", JSON.stringify({ owners }), join(files, "site.yml")];
      const { stdout, stderr } = await run(args);
      assert.match(stdout, pattern, stdout + stderr);
    }
  }

  it("with subordinate ids: the same tree as root's, its owners shifted", async () => {
    const path = join(login.home, "tree");
    await job((args) => login.crun(args), path, true);
    const shift = (id: number, own: number): number => (id === own ? 0 : id - Login.first + 1);
    const seen = [...(await lookAtTree(path, { ignore, without }))].map(([name, entry]) => {
      const [uid = 0, gid = 0] = entry.owner.split(":").map(Number);
      return [name, { ...entry, owner: `${shift(uid, Login.uid)}:${shift(gid, Login.uid)}` }] as const;
    });
    const differences = await diffTrees(asRoot, new Map(seen));
    assert.deepEqual(differences, [], describeDifferences(differences));
    assert.ok(new Set(seen.map(([, { owner }]) => owner)).size > 5, "owners other than root");
    assert.equal(readFileSync(join(path, "srv/app/made"), "utf8"), "app\n");
  });

  it("with a single id: the same but for the owners", async () => {
    const path = join(login.home, "single");
    await job((args) => login.crun(args, { subordinateIds: "" }), path, false);
    const home = (name: string): boolean => name.startsWith("/home/") || name === "/srv/app/made";
    const kept = (entries: ReadonlyMap<string, Entry>) =>
      new Map([...entries].filter(([name]) => !home(name)).map(([name, entry]) => [name, { ...entry, owner: "" }]));
    const seen = await lookAtTree(path, { ignore, without });
    assert.deepEqual([...new Set([...seen.values()].map(({ owner }) => owner))], [`${Login.uid}:${Login.uid}`]);
    const differences = await diffTrees(kept(asRoot), kept(seen));
    assert.deepEqual(differences, [], describeDifferences(differences));
  });
});
