// Mounts, from /proc/self/mounts.

export interface Mount {
  readonly device: string;
  readonly mount: string;
  readonly fstype: string;
  readonly options: string;
}

/** All mounts of the table, octal escapes undone. */
export function parseMounts(text: string): Mount[] {
  return text.split("\n").flatMap((line) => {
    const [device, mount, fstype, options] = line.split(" ").map(unescape);
    return device !== undefined && mount !== undefined && fstype !== undefined && options !== undefined
      ? [{ device, mount, fstype, options }]
      : [];
  });
}

/** Mounts at and beneath a tree, with paths as the tree sees them. */
export function mountsOfTree(mounts: readonly Mount[], treePath: string): Mount[] {
  const root = treePath.replace(/\/+$/, "");
  if (root === "") return [...mounts];
  return mounts.flatMap((one) => {
    if (one.mount === root) return [{ ...one, mount: "/" }];
    return one.mount.startsWith(`${root}/`) ? [{ ...one, mount: one.mount.slice(root.length) }] : [];
  });
}

function unescape(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
