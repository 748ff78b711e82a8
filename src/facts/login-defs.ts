// /etc/login.defs and /etc/default/useradd: the settings that shadow-utils takes ids, ages and homes from.

/** Settings by name, read as shadow-utils 4.13 reads them: the last one of a name holds. */
export class LoginDefs {
  readonly #values: ReadonlyMap<string, string>;

  private constructor(values: ReadonlyMap<string, string>) {
    this.#values = values;
  }

  /** No file is an empty one. */
  static parse(content: Uint8Array | undefined): LoginDefs {
    const values = new Map<string, string>();
    for (const line of Buffer.from(content ?? [])
      .toString("utf8")
      .split("\n")) {
      const parts = /^[ \t]*([^#\s]\S*)[ \t]+[" \t]*([^"]*)/.exec(line.trimEnd());
      if (parts?.[1] !== undefined) values.set(parts[1], parts[2] ?? "");
    }
    return new LoginDefs(values);
  }

  text(name: string): string | undefined {
    return this.#values.get(name);
  }

  /** Decimal, octal with a leading 0, or hexadecimal with 0x. */
  number(name: string, fallback: number): number {
    const value = this.#values.get(name);
    if (value === undefined) return fallback;
    if (/^[+-]?0[0-7]+$/.test(value)) return Number.parseInt(value, 8);
    return /^([+-]?\d+|0[xX][0-9a-fA-F]+)$/.test(value) ? Number(value) : fallback;
  }

  is(name: string): boolean {
    return this.#values.get(name)?.toLowerCase() === "yes";
  }
}

/** What useradd does where nothing else is said. */
export interface UseraddDefaults {
  readonly group: string;
  readonly home: string;
  readonly shell: string;
  readonly skeleton: string;
  readonly inactive: number;
  readonly expires: string;
  readonly makesMailSpool: boolean;
}

/** Debian 12's built-in values where the file says nothing. */
export function parseUseraddDefaults(content: Uint8Array | undefined): UseraddDefaults {
  const values = new Map<string, string>();
  for (const line of Buffer.from(content ?? [])
    .toString("utf8")
    .split("\n")) {
    const at = line.indexOf("=");
    if (at > 0) values.set(line.slice(0, at), line.slice(at + 1));
  }
  const inactive = Number(values.get("INACTIVE") ?? "-1");
  return {
    group: values.get("GROUP") ?? "100",
    home: values.get("HOME") ?? "/home",
    shell: values.get("SHELL") ?? "/bin/sh",
    skeleton: values.get("SKEL") || "/etc/skel",
    inactive: Number.isInteger(inactive) && inactive >= -1 ? inactive : -1,
    expires: values.get("EXPIRE") ?? "",
    makesMailSpool: values.get("CREATE_MAIL_SPOOL")?.toLowerCase() === "yes",
  };
}
