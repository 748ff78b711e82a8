// What machinectl has as images: trees and raw files that machines can be started from.

export interface MachineImage {
  readonly name: string;
  /** directory, subvolume, raw, block. */
  readonly type: string;
  readonly isReadOnly: boolean;
  /** Bytes, where the file system tells. */
  readonly usage: number | undefined;
  /** ISO 8601, UTC. */
  readonly createdAt: string | undefined;
  readonly modifiedAt: string | undefined;
}

/** Of the JSON of `machinectl list-images`; undefined: it is none. */
export function readImages(json: string): MachineImage[] | undefined {
  let list: unknown;
  try {
    list = JSON.parse(json);
  } catch {
    return undefined;
  }
  if (!Array.isArray(list)) return undefined;
  return list.flatMap((row: unknown): MachineImage[] => {
    if (typeof row !== "object" || row === null) return [];
    const { name, type, ro, usage, created, modified } = row as Readonly<Record<string, unknown>>;
    if (typeof name !== "string") return [];
    return [
      {
        name,
        type: typeof type === "string" ? type : "",
        isReadOnly: ro === true,
        usage: typeof usage === "number" ? usage : undefined,
        createdAt: timeOf(created),
        modifiedAt: timeOf(modified),
      },
    ];
  });
}

/** Microseconds since 1970; 0 is not known. */
function timeOf(value: unknown): string | undefined {
  if (typeof value !== "number" || value <= 0 || value > 8e18) return undefined;
  const time = new Date(value / 1000);
  return Number.isNaN(time.getTime()) ? undefined : `${time.toISOString().slice(0, 19)}Z`;
}
