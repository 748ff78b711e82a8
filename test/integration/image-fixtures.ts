// Container images that tests make trees of: layers that take away and replace, and what has to be so of a tree afterwards.

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { ImageSpec } from "../lab/oci-image.js";
import type { Scope } from "../lab/scope.js";
import { tarBytes, type Member } from "../lab/tar-bytes.js";
import { runTasks, type Told } from "./crun-tasks.js";

export const layer = (...members: readonly Member[]) => ({ bytes: tarBytes(members) });
export const file = (name: string, content = name): Member => ({ name, content });

/** Layers that take away, replace and look for each other in all the ways there are. */
export const layers = [
  layer(
    ...["etc/", "dir/", "dir/sub/", "gone/", "was-directory/", "usr/", "usr/lib/", "run/", "var/"].map((name) => ({
      name,
    })),
    file("etc/a"),
    file("etc/b"),
    file("dir/x"),
    file("dir/sub/y"),
    file("gone/z"),
    file("was-directory/inside"),
    file("was-file"),
    file("kept\n\\101 \u00e9"),
    file("gone\n\\101 \u00e9"),
    file("etc/gone with blanks "),
    { name: "lib", type: "link", target: "usr/lib" },
    { name: "was-link", type: "link", target: "etc" },
    { name: "var/run", type: "link", target: "/run" },
    { name: "usr/su", content: "x", mode: 0o4755, uid: 0, gid: 8 },
    { name: "etc/hard", type: "hardLink", target: "etc/b" },
  ),
  layer(
    { name: "./etc/.wh.a" },
    { name: "etc/.wh.gone with blanks " },
    { name: ".wh.gone" },
    { name: ".wh.gone\n\\101 \u00e9" },
    { name: ".wh.never-there" },
    { name: "dir/new", content: "new" },
    { name: "dir/.wh..wh..opq" },
    file("was-directory", "a file now"),
    { name: "was-file/" },
    file("was-file/inside"),
    { name: "was-link/" },
    file("was-link/inside"),
    { name: "usr/hard", type: "hardLink", target: "etc/b" },
    file("etc/b", "changed"),
    { name: "dir/", mode: 0o700, uid: 7, gid: 7 },
  ),
  layer(file("etc/a", "again"), { name: "usr/", mode: 0o711 }, file("gone", "a file")),
];

/** By tags: `all` with those layers, others for what an image may be. */
export const images: readonly ImageSpec[] = [
  { tag: "all", layers, config: { Env: ["PATH=/bin"], Cmd: ["/bin/sh"], User: "web" } },
  { tag: "arm", layers: [layer(file("arm"))], architecture: "arm64" },
  { tag: "windows", layers: [layer(file("c"))], system: "windows" },
  { tag: "plain", layers: [{ ...layer(file("plain")), isCompressed: false }] },
];

/** Makes the tree by a run of its own. */
export async function madeFrom(scope: Scope, path: string, oci: unknown): Promise<Told & { readonly path: string }> {
  const [told] = await runTasks(scope, "local", [{ tree: { name: path, oci } }]);
  assert(told);
  return { ...told, path };
}

export function recordOf(path: string): { readonly found: Readonly<Record<string, string>> } {
  return JSON.parse(readFileSync(path.replace(/([^/]*)$/, ".crun/$1.json"), "utf8"));
}

/** No tree has the name, and none is half made. */
export function assertNothingLeft({ path }: { readonly path: string }): void {
  assert(!existsSync(path), `${path} is there`);
  const making = join(dirname(path), ".crun/making");
  assert.deepEqual(existsSync(making) ? readdirSync(making) : [], []);
}
