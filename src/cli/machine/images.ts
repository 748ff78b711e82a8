// `crun machine images`: what machinectl could start machines from.

import { table } from "../../report/table.js";
import { listImages } from "../../target/list-machines.js";
import type { MachineImage } from "../../tree/machine/images.js";
import { atDesk, type LookOptions } from "../tree/open-trees.js";
import { bytes, onHosts } from "./list.js";

/** Gives 0, or 4 where a host could not be looked at. */
export async function runMachineImages(pattern: string | undefined, options: LookOptions): Promise<number> {
  return atDesk(options, async (desk) => {
    const { found, isLost } = await onHosts(pattern, options, desk, async ({ host }, session) =>
      (await listImages(session)).map((image) => ({ host, image })),
    );
    if (desk.isJson) for (const { host, image } of found) desk.printData(dataOf(host, image));
    else if (found.length > 0) {
      const rows = found.map(({ host, image }) => cells(host, image));
      desk.print(table(["IMAGE", "TYPE", "WRITABLE", "USAGE", "CREATED", "CHANGED"], rows));
    } else if (!isLost) desk.print("no images\n");
    return isLost ? 4 : 0;
  });
}

function cells(
  host: string,
  { name, type, isReadOnly, usage, createdAt = "", modifiedAt = "" }: MachineImage,
): string[] {
  const day = (time: string): string => time.slice(0, 16).replace("T", " ");
  return [`${host}:${name}`, type, isReadOnly ? "no" : "yes", bytes(usage) ?? "", day(createdAt), day(modifiedAt)];
}

function dataOf(host: string, image: MachineImage): Readonly<Record<string, unknown>> {
  const { name, type, isReadOnly, usage, createdAt, modifiedAt } = image;
  return {
    event: "image",
    host,
    image: name,
    type,
    read_only: isReadOnly,
    usage: usage ?? null,
    created_at: createdAt ?? null,
    modified_at: modifiedAt ?? null,
  };
}
