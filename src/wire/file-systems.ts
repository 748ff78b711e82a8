// Names of the file systems that Linux tells by number (statfs f_type, linux/magic.h).

const MAGIC = {
  "9p": 0x01021997,
  bcachefs: 0xca451a4e,
  btrfs: 0x9123683e,
  ceph: 0x00c36400,
  cgroup: 0x0027e0eb,
  cgroup2: 0x63677270,
  cifs: 0xff534d42,
  ecryptfs: 0xf15f,
  erofs: 0xe0f5e1e2,
  exfat: 0x2011bab0,
  /** And ext2 and ext3, which have the same number. */
  ext4: 0xef53,
  f2fs: 0xf2f52010,
  fuse: 0x65735546,
  gfs2: 0x01161970,
  iso9660: 0x9660,
  jfs: 0x3153464a,
  nfs: 0x6969,
  ntfs3: 0x7366746e,
  ocfs2: 0x7461636f,
  overlayfs: 0x794c7630,
  proc: 0x9fa0,
  ramfs: 0x858458f6,
  smb2: 0xfe534d42,
  squashfs: 0x73717368,
  sysfs: 0x62656572,
  tmpfs: 0x01021994,
  vfat: 0x4d44,
  xfs: 0x58465342,
  zfs: 0x2fc12fc1,
} as const;

const NAMES = new Map<number, string>(Object.entries(MAGIC).map(([name, magic]) => [magic, name]));
const NUMBERS = new Map<string, number>(Object.entries(MAGIC));

/** `btrfs`, or `0x1234abcd` where the number has no name here. */
export function fileSystemName(magic: number): string {
  return NAMES.get(magic) ?? `0x${magic.toString(16)}`;
}

/** What fileSystemName was given. */
export function fileSystemMagic(name: string): number {
  return NUMBERS.get(name) ?? Number(name);
}
