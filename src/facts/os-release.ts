// os-release(5): which system a tree holds.

/** The assignments of the file, shell quoting undone. */
export function parseOsRelease(text: string): Readonly<Record<string, string>> {
  const values: Record<string, string> = {};
  for (const line of text.split("\n")) {
    const at = line.indexOf("=");
    const name = line.slice(0, Math.max(0, at)).trimStart();
    if (/^[A-Z0-9_a-z]+$/.test(name)) values[name] = unquote(line.slice(at + 1).trimEnd());
  }
  return values;
}

function unquote(text: string): string {
  const quoted = /^(["'])(.*)\1$/s.exec(text);
  if (!quoted) return text.replace(/\\(.)/g, "$1");
  return quoted[1] === "'" ? (quoted[2] ?? "") : (quoted[2] ?? "").replace(/\\(["\\$`])/g, "$1");
}

const families: ReadonlyMap<string, string> = new Map(
  Object.entries({
    debian: "Debian",
    ubuntu: "Debian",
    fedora: "RedHat",
    rhel: "RedHat",
    centos: "RedHat",
    suse: "Suse",
    opensuse: "Suse",
    arch: "Archlinux",
    alpine: "Alpine",
    gentoo: "Gentoo",
    void: "Void",
    nixos: "NixOS",
  }),
);

/** Ansible's os_family, from ID and ID_LIKE; the capitalised id where none is known. */
export function osFamily(release: Readonly<Record<string, string>>): string {
  const ids = [release["ID"] ?? "", ...(release["ID_LIKE"] ?? "").split(/\s+/)];
  for (const id of ids) {
    const family = families.get(id) ?? families.get(id.split("-")[0] ?? "");
    if (family !== undefined) return family;
  }
  const id = release["ID"] ?? "";
  return id.charAt(0).toUpperCase() + id.slice(1);
}
