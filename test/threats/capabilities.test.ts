// What root of a tree needs its capabilities for, shown by taking each away: package managers and what scripts of packages do. One fails at least, or it
// would not be given; with all of them none does. CRUN_ALL_CAPABILITIES=1 tries every package manager without each (two minutes), and prints the table.

import assert from "node:assert/strict";
import { chmodSync, chownSync, copyFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { capabilitiesOfTreeRoot } from "../../src/facts/entry-report.js";
import { crunPath } from "../integration/crun-tasks.js";
import { requireOrSkip } from "../lab/needs.js";
import { must, run } from "../lab/process.js";
import { testScope } from "../lab/scope.js";
import { rootOverlay } from "../lab/trees.js";

/** Each by name, with the command; `/var/lib/probe` is the script's own. */
const deeds: Readonly<Record<string, string>> = {
  "files of other owners (chown)": "chown daemon:daemon $D/plain",
  "writing where others have closed it": "echo y >$D/closed/f && cat $D/closed/f",
  "mode and times of given files (chmod, touch)": "chmod 640 $D/given && touch -d 2020-01-01 $D/given",
  "setgid on a file of another group": "chgrp mail $D/plain && chmod 2755 $D/plain && test -g $D/plain",
  "ending processes of others": "setpriv --reuid=daemon --regid=daemon --clear-groups sleep 50 & sleep 0.1; kill $!",
  "device nodes (mknod)": "rm -f $D/null && mknod $D/null c 1 3",
  "file capabilities (setcap)": "setcap cap_net_raw+ep $D/plain",
  "a chroot in a script": "chroot / true",
  "users and groups (useradd)":
    "groupadd -r probe && useradd -r -g probe -d $D -s /usr/sbin/nologin probe && passwd -l probe",
  "programs as other users (su, runuser)": "su -s /bin/sh daemon -c true && runuser -u daemon -- true",
  "services as other users (start-stop-daemon)": "start-stop-daemon --start --chuid daemon --exec /bin/true",
  "giving up rights (bounding set)": "capsh --drop=cap_net_raw -- -c true",
  "archives with owners (tar)":
    "tar --numeric-owner --owner=2 --group=8 -C $D -cf $D/a.tar plain && mkdir -p $D/x && tar -xpf $D/a.tar -C $D/x && test $(stat -c %u $D/x/plain) = 2",
};

const script = `#!/bin/sh
D=/var/lib/probe; rm -rf $D; mkdir -p $D/closed; cd /
cp /bin/true $D/plain; echo x >$D/given; chown daemon $D/given $D/closed; chmod 700 $D/closed
t() { sh -c "D=$D; $2" >/dev/null 2>&1 || echo "FAILED $1"; }
${Object.entries(deeds)
  .map(([name, deed]) => `t '${name}' '${deed}'`)
  .join("\n")}
mount -t tmpfs none /mnt 2>/dev/null && echo "FAILED to be held: it mounted"
userdel probe 2>/dev/null
groupdel probe 2>/dev/null
echo ran >/var/lib/probe-ran
exit 0
`;

/** Installs the package of the test by each tool, and takes it away again. */
const managers = {
  dpkg: "dpkg -i /probe/probe.deb && dpkg -P probe",
  rpm: "rpm -i --nodeps /probe/probe-1-1.noarch.rpm && getcap /usr/bin/probe-caps | grep cap_net_raw && rpm -e --nodeps probe",
  pacman:
    "mkdir -p /var/lib/pacman && sed -i 's/^#*SigLevel.*/SigLevel = Never/;s/^#*LocalFileSigLevel.*/LocalFileSigLevel = Never/' /etc/pacman.conf && " +
    "pacman --noconfirm -U /probe/probe-1-1-any.pkg.tar.gz && getcap /usr/bin/probe-caps | grep cap_net_raw && test -c /usr/share/probe/null && pacman --noconfirm -R probe",
} as const;

describe("threats: capabilities of root", function () {
  const isWhole = process.env["CRUN_ALL_CAPABILITIES"] === "1";
  this.timeout(isWhole ? 600_000 : 60_000);
  const scope = testScope();
  let tree = "";

  before(async function () {
    requireOrSkip(this, { root: true, tools: ["dpkg-deb", "rpmbuild", "pacman", "setpriv", "capsh", "setcap", "tar"] });
    tree = await rootOverlay(scope);
    mkdirSync(join(tree, "probe"));
    const built = await packages();
    for (const name of readdirSync(built)) copyFileSync(join(built, name), join(tree, "probe", name));
    writeFileSync(join(tree, "probe/script"), script, { mode: 0o755 });
  });

  /** Files that need rights, laid below a directory. */
  async function lay(root: string): Promise<void> {
    mkdirSync(join(root, "usr/bin"), { recursive: true });
    mkdirSync(join(root, "usr/share/probe/closed"), { recursive: true });
    for (const name of ["plain", "suid", "sgid", "caps"])
      copyFileSync("/bin/true", join(root, "usr/bin", `probe-${name}`));
    writeFileSync(join(root, "usr/share/probe/owned"), "x");
    writeFileSync(join(root, "usr/share/probe/closed/f"), "x");
    chownSync(join(root, "usr/share/probe/owned"), 6, 12);
    chownSync(join(root, "usr/share/probe/closed/f"), 6, 12);
    chownSync(join(root, "usr/share/probe/closed"), 6, 12);
    chmodSync(join(root, "usr/share/probe/closed"), 0o700);
    chmodSync(join(root, "usr/bin/probe-suid"), 0o4755);
    chownSync(join(root, "usr/bin/probe-sgid"), 0, 8);
    chmodSync(join(root, "usr/bin/probe-sgid"), 0o2755);
    await must(["setcap", "cap_net_raw+ep", join(root, "usr/bin/probe-caps")]);
    await must(["mknod", join(root, "usr/share/probe/null"), "c", "1", "3"]);
  }

  async function packages(): Promise<string> {
    const work = scope.tempDir("packages");
    const [deb, pacman, out] = ["deb", "pacman", "out"].map((name) => join(work, name)) as [string, string, string];
    mkdirSync(out);
    await lay(deb);
    mkdirSync(join(deb, "DEBIAN"));
    writeFileSync(
      join(deb, "DEBIAN/control"),
      "Package: probe\nVersion: 1\nArchitecture: all\nMaintainer: x <x@example.org>\nDescription: x\n",
    );
    writeFileSync(join(deb, "DEBIAN/postinst"), script, { mode: 0o755 });
    await must(["dpkg-deb", "-b", deb, join(out, "probe.deb")]);
    await lay(pacman);
    const info =
      "pkgname = probe\npkgbase = probe\npkgver = 1-1\npkgdesc = x\nurl = https://example.org\nbuilddate = 1\npackager = x\nsize = 1\narch = any\nlicense = MIT\n";
    writeFileSync(join(pacman, ".PKGINFO"), info);
    writeFileSync(join(pacman, ".INSTALL"), `post_install() {\n${script.replace("exit 0\n", "")}}\n`);
    const archive = join(out, "probe-1-1-any.pkg.tar.gz");
    await must([
      "tar",
      "-C",
      pacman,
      "--xattrs",
      "--xattrs-include=*",
      "--format=pax",
      "-czf",
      archive,
      ".PKGINFO",
      ".INSTALL",
      "usr",
    ]);
    // rpm opens each node that it makes: none in its package.
    const spec = `Name: probe\nVersion: 1\nRelease: 1\nLicense: MIT\nSummary: x\nBuildArch: noarch\nAutoReqProv: no\n%description\nx\n%install
mkdir -p %{buildroot}/usr/bin %{buildroot}/usr/share/probe/closed
for n in plain suid sgid caps; do cp /bin/true %{buildroot}/usr/bin/probe-$n; done
echo x >%{buildroot}/usr/share/probe/owned; echo x >%{buildroot}/usr/share/probe/closed/f
%post\n${script.replaceAll("%", "%%")}%files
%attr(0755,root,root) /usr/bin/probe-plain
%attr(4755,root,root) /usr/bin/probe-suid
%attr(2755,root,mail) /usr/bin/probe-sgid
%caps(cap_net_raw=ep) /usr/bin/probe-caps
%attr(0644,man,man) /usr/share/probe/owned
%dir %attr(0700,man,man) /usr/share/probe/closed
%attr(0644,man,man) /usr/share/probe/closed/f
`;
    writeFileSync(join(work, "probe.spec"), spec);
    const defines = [
      `_topdir ${work}/rpm`,
      "_build_id_links none",
      "__brp_strip true",
      "_binaries_in_noarch_packages_terminate_build 0",
    ];
    await must(
      ["rpmbuild", "--quiet", ...defines.flatMap((one) => ["--define", one]), "-bb", join(work, "probe.spec")],
      {
        env: { ...process.env, HOME: work },
      },
    );
    copyFileSync(join(work, "rpm/RPMS/noarch/probe-1-1.noarch.rpm"), join(out, "probe-1-1.noarch.rpm"));
    return out;
  }

  /** What failed of a command of the tree's, without one capability. */
  async function without(capability: string | undefined, command: string): Promise<readonly string[]> {
    const name = capability?.slice("CAP_".length).toLowerCase();
    const cut = name === undefined ? [] : ["setpriv", `--bounding-set=-${name}`];
    rmSync(join(tree, "var/lib/probe-ran"), { force: true });
    const argv = ["exec", "--entry", "unshare", `local:${tree}`, "--", ...cut, "sh", "-c", command];
    const done = await run([process.execPath, crunPath, ...argv], { timeoutMs: 100_000 });
    const failed = (done.stdout + done.stderr).split("\n").flatMap((line) => /FAILED (.*)$/.exec(line)?.[1] ?? []);
    return done.status === 0
      ? failed
      : [...failed, `exit status ${done.status}: ${done.stderr.trim().split("\n").at(-1) ?? ""}`];
  }

  it("all package managers and all deeds of their scripts go through with what is given", async () => {
    assert.deepEqual(await without(undefined, "/probe/script"), []);
    for (const [name, command] of Object.entries(managers))
      assert.deepEqual(
        await without(
          undefined,
          `${command} >/tmp/log 2>&1 || { cat /tmp/log; exit 9; }; grep FAILED /tmp/log; test -e /var/lib/probe-ran`,
        ),
        [],
        name,
      );
  });

  it("each capability is needed: something fails without it", async () => {
    const names = capabilitiesOfTreeRoot.map((name) => name.slice("CAP_".length).toLowerCase());
    const each = `for c in ${names.join(" ")}; do /probe/without $c; done`;
    writeFileSync(
      join(tree, "probe/without"),
      `#!/bin/sh\nsetpriv --bounding-set=-$1 /probe/script | sed "s/^FAILED/FAILED $1:/"\n`,
      { mode: 0o755 },
    );
    const failed = await without(undefined, each);
    const unneeded = names.filter((name) => !failed.some((line) => line.startsWith(`${name}: `)));
    assert.deepEqual(unneeded, [], failed.join("\n"));
    if (isWhole) process.stdout.write(`${failed.join("\n")}\n`);
  });

  for (const capability of isWhole ? capabilitiesOfTreeRoot : []) {
    it(`package managers without ${capability}`, async () => {
      for (const [name, command] of Object.entries(managers)) {
        const broken = await without(capability, `${command} >/tmp/log 2>&1; r=$?; grep FAILED /tmp/log; exit $r`);
        process.stdout.write(`${capability} ${name}: ${broken.join("; ") || "works"}\n`);
      }
    });
  }
});
