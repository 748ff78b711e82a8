// A tree's snapshots: numbered, with the run that made each and why, as snapper lists them.

import type { TreePlace } from "./place.js";

/** `single`: by hand; `before` and `after`: a run that changed something. */
export type SnapshotKind = "single" | "before" | "after";

/** The JSON of `DIR/.crun/snapshots/NAME/N.json`. It is written last: a number without it is not whole. */
export interface SnapshotInfo {
  readonly version: 1;
  readonly number: number;
  readonly kind: SnapshotKind;
  /** `btrfs`: a read-only subvolume `N`; `manifest`: `N.manifest.gz` tells what there was, without its content. */
  readonly storage: "btrfs" | "manifest";
  /** ISO 8601, UTC. */
  readonly takenAt: string;
  /** The run's id, and the playbook that it played. */
  readonly run?: string;
  readonly playbook?: string;
  /** Who ran crun, as `alice@desk`. */
  readonly by?: string;
  readonly note?: string;
}

/** Where the parts of a snapshot lie. */
export function snapshotPaths(
  place: Pick<TreePlace, "snapshots">,
  number: number,
): { readonly tree: string; readonly manifest: string; readonly info: string } {
  const base = `${place.snapshots}/${number}`;
  return { tree: base, manifest: `${base}.manifest.gz`, info: `${base}.json` };
}

/** The number that a name in the directory of snapshots belongs to. */
export function numberIn(name: string): number | undefined {
  const digits = /^([1-9]\d{0,8})(?:\.json|\.manifest\.gz)?$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

export function infoText(info: SnapshotInfo): string {
  return `${JSON.stringify(info, undefined, 2)}\n`;
}

/** Reads what is written beside a snapshot; undefined: it is no such text. */
export function parseInfo(text: string): SnapshotInfo | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const fields: Partial<Record<keyof SnapshotInfo, unknown>> = value;
  const { version, number, kind, storage, takenAt } = fields;
  if (version !== 1 || typeof number !== "number" || typeof takenAt !== "string") return undefined;
  if (kind !== "single" && kind !== "before" && kind !== "after") return undefined;
  if (storage !== "btrfs" && storage !== "manifest") return undefined;
  const texts = (["run", "playbook", "by", "note"] as const).flatMap((key) => {
    const text = fields[key];
    return typeof text === "string" ? [[key, text] as const] : [];
  });
  return { version, number, kind, storage, takenAt, ...Object.fromEntries(texts) };
}

/** Runs' snapshots beyond the newest `keep` runs; those that were made by hand stay until they are removed by hand. */
export function surplus(infos: readonly SnapshotInfo[], keep: number): readonly number[] {
  const runs = new Set<string>();
  const gone: number[] = [];
  for (const info of [...infos].sort((one, other) => other.number - one.number)) {
    if (info.kind === "single") continue;
    const run = info.run ?? String(info.number);
    if (!runs.has(run) && runs.size >= keep) gone.push(info.number);
    else runs.add(run);
  }
  return gone.reverse();
}

/** What the tree was when crun had last run there, as far as that was kept. */
export function lastAfter(infos: readonly SnapshotInfo[]): SnapshotInfo | undefined {
  return infos.reduce<SnapshotInfo | undefined>(
    (last, info) => (info.kind === "after" && info.number > (last?.number ?? 0) ? info : last),
    undefined,
  );
}
