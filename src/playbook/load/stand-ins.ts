// What does here what a module of Ansible's does that crun has not: the remedy where a playbook names one.

/** By the module's short name; whatever collection it is of. Several names may share a sentence. */
const sentences: readonly (readonly [names: string, remedy: string])[] = [
  [
    "replace",
    "lineinfile changes one line (regexp, backrefs), blockinfile a block of lines; template and copy write the whole file.",
  ],
  [
    "ini_file",
    "lineinfile with regexp: '^KEY=' and insertafter: '^\\[SECTION\\]' sets one key; copy or template writes the whole file, the helper to_ini makes its text.",
  ],
  ["xml json_patch", "template or copy writes the whole file."],
  [
    "cron cronvar",
    "copy or template of a file in /etc/cron.d; or of a .timer and a .service in /etc/systemd/system, and systemd with enabled: true.",
  ],
  [
    "authorized_key",
    'lineinfile with path: /home/USER/.ssh/authorized_keys, create: true, owner and mode: "0600" for one key; copy for all of them.',
  ],
  ["known_hosts", "lineinfile with path: /etc/ssh/ssh_known_hosts, regexp: '^HOST ' and create: true."],
  ["hostname", 'copy with content: "NAME\\n" and dest: /etc/hostname.'],
  ["timezone", "file with state: link, src: /usr/share/zoneinfo/ZONE and dest: /etc/localtime."],
  ["locale_gen", "lineinfile in /etc/locale.gen, with notify of a handler that is command: locale-gen."],
  ["sysctl", "copy of a file to /etc/sysctl.d, with notify of a handler that is command: sysctl --system on a host."],
  ["modprobe kernel_blacklist", "copy of a file to /etc/modules-load.d or /etc/modprobe.d."],
  ["pam_limits", "copy of a file to /etc/security/limits.d."],
  [
    "alternatives",
    "file with state: link and dest: /etc/alternatives/NAME; or command: update-alternatives --set NAME PATH.",
  ],
  ["mount", "lineinfile in /etc/fstab, with regexp: '\\sPOINT\\s'; the directory is file's, with state: directory."],
  [
    "get_url uri",
    "command: curl -fsS -o DEST URL, with creates: DEST; or fetch it once beside the playbook, and copy it.",
  ],
  [
    "unarchive",
    "command: tar -xf ARCHIVE -C DIRECTORY, with creates: a path of the archive; a whole tree is made from an archive by the module tree.",
  ],
  ["archive", "command: tar -czf ARCHIVE -C DIRECTORY ., with creates: ARCHIVE."],
  [
    "find",
    "command: find …, with register and changed_when: false; loop over \"{{out.stdout_lines}}\". Files beside the playbook are found by {{fileglob 'PATTERN'}}.",
  ],
  ["slurp", "command: cat FILE, with register and changed_when: false; the text is {{out.stdout}}."],
  [
    "fetch",
    'command: cat FILE, with register and changed_when: false; then copy with content: "{{out.stdout}}" and delegate_to: local.',
  ],
  ["assemble", "template, with a partial for each part ({{> part}}); most programs read a directory NAME.d, too."],
  ["tempfile", "command: mktemp, with register; the path is {{out.stdout}}."],
  ["synchronize", "copy with src: DIRECTORY/ copies what it holds."],
  ["acl", "command: setfacl …, after command: getfacl … with register and changed_when: false."],
  ["capabilities", "command: setcap …, after command: getcap … with register and changed_when: false."],
  [
    "apt_repository deb822_repository",
    "copy of a .sources or .list file to /etc/apt/sources.list.d, and apt with update_cache: true.",
  ],
  ["apt_key", "copy of the key to /etc/apt/keyrings, and signed-by: that path in the sources file."],
  [
    "dpkg_selections",
    "command: apt-mark hold NAME, after command: apt-mark showhold with register and changed_when: false.",
  ],
  ["debconf", "shell: echo 'PACKAGE QUESTION TYPE VALUE' | debconf-set-selections, before apt installs PACKAGE."],
  ["package_facts", "command: dpkg-query -W, with register and changed_when: false."],
  ["service_facts", "command: systemctl list-unit-files, with register and changed_when: false."],
  ["getent", "command: getent DATABASE KEY, with register and changed_when: false."],
  [
    "yum dnf dnf5 zypper pacman apk",
    "command: the manager itself, with creates: a path that comes with the package; apt and package know apt alone.",
  ],
  ["rpm_key yum_repository", "copy of the key or of the .repo file to its place below /etc."],
  [
    "pip npm gem snap flatpak make git subversion hg",
    "command: the program itself, with creates: a path that it makes.",
  ],
  ["systemd_service", "systemd: it is the same module under its older name."],
  ["sysvinit runit openrc", "service takes what init scripts need."],
  ["raw", "command or shell: neither needs Python in the tree."],
  ["expect", "command with stdin, for programs that read answers from there."],
  ["reboot", "machine with state: restarted, for a machine; nothing else boots."],
  ["iptables ufw firewalld nftables", "template of the file with the rules, with notify of a handler that loads it."],
  ["selinux seboolean sefcontext", "command with semanage or setsebool: labels belong to the host's policy."],
  ["docker_container docker_image podman_container", "the modules tree and machine make trees and run them."],
];

const byName: ReadonlyMap<string, string> = new Map(
  sentences.flatMap(([names, remedy]) => names.split(" ").map((name) => [name, remedy] as const)),
);

/** A sentence that begins with what to use, or undefined for modules without a stand-in. `name`: without its collection. */
export function standIn(name: string): string | undefined {
  const remedy = byName.get(name);
  return remedy === undefined ? undefined : `Use ${remedy}`;
}
