// Writes tar archives byte by byte: also those that no tar program would make.

/** One member. Names are bytes or text; nothing about them is checked. */
export interface Member {
  readonly name: string | Uint8Array;
  /** Default: `file`, or `directory` where the name ends with a slash. */
  readonly type?: keyof typeof flags;
  readonly content?: string | Uint8Array;
  /** Default 0644; directories 0755. */
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** Of links. */
  readonly target?: string;
  /** Major and minor number of a device. */
  readonly device?: readonly [major: number, minor: number];
  /** Records of a header of its own before the member (`SCHILY.xattr.security.capability`, `path`, …). */
  readonly pax?: Readonly<Record<string, string | Uint8Array>>;
  /** What the header says of the size, whatever the content has. */
  readonly size?: number;
}

const flags = {
  file: "0",
  hardLink: "1",
  link: "2",
  char: "3",
  block: "4",
  directory: "5",
  fifo: "6",
} as const;

/** The archive, with its end. */
export function tarBytes(members: readonly Member[]): Buffer {
  return Buffer.concat([...members.flatMap(memberBytes), Buffer.alloc(1024)]);
}

function memberBytes(member: Member): Buffer[] {
  const name = Buffer.from(member.name);
  const content = Buffer.from(member.content ?? "");
  const pax: Record<string, string | Uint8Array> = { ...member.pax };
  if (name.length > 100) pax["path"] = name;
  const records = Object.entries(pax).map(([key, value]) => record(key, Buffer.from(value)));
  const extra = Buffer.concat(records);
  const type = flags[member.type ?? (name.at(-1) === 0x2f ? "directory" : "file")];
  return [
    ...(extra.length === 0 ? [] : [header(Buffer.from("pax"), "x", {}, extra.length), padded(extra)]),
    header(name.subarray(0, 100), type, member, member.size ?? content.length),
    padded(content),
  ];
}

/** `LENGTH KEY=VALUE\n`, where the length counts itself. */
function record(key: string, value: Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), value, Buffer.from("\n")]);
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

function header(
  name: Buffer,
  flag: string,
  member: Pick<Member, "mode" | "uid" | "gid" | "target" | "device">,
  size: number,
): Buffer {
  const block = Buffer.alloc(512);
  name.copy(block, 0);
  const number = (value: number, at: number, width: number): void => {
    block.write(value.toString(8).padStart(width - 1, "0"), at, "latin1");
  };
  number(member.mode ?? (flag === "5" ? 0o755 : 0o644), 100, 8);
  number(member.uid ?? 0, 108, 8);
  number(member.gid ?? 0, 116, 8);
  number(size, 124, 12);
  number(1_700_000_000, 136, 12);
  block.write(flag, 156, "latin1");
  block.write(member.target ?? "", 157, 100);
  block.write("ustar\x0000", 257, "latin1");
  number(member.device?.[0] ?? 0, 329, 8);
  number(member.device?.[1] ?? 0, 337, 8);
  block.fill(" ", 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
}
