// The lines that the module machine writes, read by systemd-nspawn itself: it knows all of them, and does what they say.

import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import machine from "../../modules/machine.js";
import { convertParams } from "../../src/module/params.js";
import type { SettingWish } from "../../src/tree/machine/params.js";
import { settingsOf, settingsText } from "../../src/tree/machine/settings.js";
import { requireOrSkip } from "../lab/needs.js";
import { run } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { smallMachine } from "../lab/small-machine.js";

describe("settings of machines, as systemd-nspawn reads them", function () {
  this.timeout(60_000);
  const scope = testScope();
  let tree: string;

  before(async function () {
    requireOrSkip(this, { root: true, tools: ["systemd-nspawn", "ldd", "unshare"] });
    tree = await smallMachine(scope);
  });

  /** Runs a program with these settings: the file lies in an /etc/systemd of its own, seen by nobody else. */
  async function nspawn(given: Readonly<Record<string, unknown>>, ...program: readonly string[]) {
    const { params, problems } = convertParams(machine, given);
    assert.deepEqual(problems, []);
    const made = settingsOf(params as SettingWish);
    assert.ok("settings" in made, JSON.stringify(made));
    const directory = scope.tempDir("settings");
    mkdirSync(join(directory, "nspawn"));
    writeFileSync(join(directory, "nspawn/crun-set.nspawn"), settingsText("crun-set", made.settings));
    const script = 'mount --bind "$1" /etc/systemd && shift && exec "$@"';
    const options = ["--quiet", "--register=no", "--keep-unit", "--console=pipe", "--settings=trusted"];
    const apart = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", directory];
    const started = ["systemd-nspawn", ...options, "--machine=crun-set", `--directory=${tree}`, ...program];
    return await run([...apart, ...started]);
  }

  it("takes environment, host name, binds, capabilities, ids and the rest, and does what they say", async () => {
    const shared = scope.tempDir("a shared: place");
    writeFileSync(join(shared, "word"), "shared\n");
    const done = await nspawn(
      {
        environment: { QUOTED: `it's "me" \\ $HOME`, EMPTY: "", PLAIN: "x" },
        hostname: "other",
        network: "none",
        private_users: "1000013824:65536",
        private_users_ownership: "map",
        bind_ro: [{ source: shared, dest: "/srv" }],
        tmpfs: ["/var:size=1M"],
        capability: ["net_admin"],
        drop_capability: ["mknod", "CAP_SYS_CHROOT"],
        no_new_privileges: true,
        system_call_filter: ["@keyring", "~@swap"],
        timezone: "off",
        resolv_conf: "off",
        link_journal: "no",
        machine_id: "0123456789abcdef0123456789abcdef",
        settings: { Exec: { LimitNOFILE: "1000:2000", Personality: "x86-64" } },
      },
      "/bin/sh",
      "-c",
      'printf "%s\\n" "$QUOTED|$EMPTY|$PLAIN"; cat /proc/sys/kernel/hostname /srv/word; ulimit -n; id -u; echo x >/srv/y',
    );
    assert.equal(done.stdout, `it's "me" \\ $HOME||x\nother\nshared\n1000\n0\n`, done.stderr);
    assert.match(done.stderr, /cannot create \/srv\/y/);
    assert.doesNotMatch(done.stderr, /parse|unknown|ignoring|invalid/i);
  });

  it("takes boot: false with the program and its arguments, quoted", async () => {
    const words = ["/bin/sh", "-c", `printf '%s %s\\n' "$1" "$2"`, "sh", `a 'b' "c"`, "d\\e"];
    const done = await nspawn({ boot: false, parameters: words, network: "none" });
    assert.equal(done.stdout, `a 'b' "c" d\\e\n`, done.stderr);
  });

  it("knows every other key that has a param of its own", async () => {
    const done = await nspawn(
      {
        ephemeral: false,
        notify_ready: false,
        read_only: true,
        inaccessible: ["/root"],
        volatile: "no",
        overlay: ["+/srv::/srv"],
        overlay_ro: ["+/srv:+/var:/srv"],
        bind: ["-/there is none:/srv:rbind"],
        network: "veth",
        bridge: "crunbr0",
        ports: ["8080", "80:8080", "udp:53"],
        interfaces: ["crun0", "crun1"],
        macvlan: ["crun2"],
        ipvlan: ["crun3"],
        veth_extra: ["crun4:host0"],
      },
      "/bin/id",
    );
    // The interfaces are not there, which is told when the lines were read.
    assert.notEqual(done.status, 0);
    assert.doesNotMatch(done.stderr, /parse|unknown|ignoring|invalid/i);
    const wrong = await nspawn({ network: "none", settings: { Exec: { KillSignal: "SIGNONE" } } }, "/bin/id");
    assert.match(wrong.stderr, /parse|ignoring|invalid/i);
  });
});
