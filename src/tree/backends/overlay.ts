// Trees as overlays: a base that stays as it is, and what differs from it. Mounted last, so that whatever is mounted is whole.

import type { Change } from "../../module/change.js";
import type { Refusal } from "../../module/contract.js";
import { baseName } from "../../module/tree-path.js";
import type { Backend, StorageSeen } from "../backend.js";
import type { TreePlace } from "../place.js";
import { hostProgram } from "../program.js";
import { NOTHING_SEEN } from "../storage-seen.js";
import { layersAmong, layersOver, overlayOptions, type Layers } from "./layers.js";
import { keptMount, keptNoLonger } from "./mount-unit.js";
import { copied } from "./directory.js";

export function overlay(seen: StorageSeen = NOTHING_SEEN): Backend {
  /** All that may be there: what was found, what this plan makes, what it has taken the tree's name away from. */
  const all = (at: string, place: TreePlace): Layers[] => {
    const old = kept(place);
    const lowers = [...(seen.base ? [lowerOf(seen.base)] : []), ...(old ? [old.lower] : [])];
    const possible = [
      ...layersAmong(seen.layers ?? [], at, place),
      ...lowers.map((lower) => layersOver(lower, at, place)),
    ];
    return [...new Map(possible.map((layers) => [layers.path, layers])).values()];
  };
  /** Of what this plan makes, or has found. */
  const made = (at: string, place: TreePlace): Layers => {
    const [layers] = seen.base ? [layersOver(lowerOf(seen.base), at, place)] : all(at, place);
    if (!layers) throw new Error(`no layers are known of ${at}`);
    return layers;
  };
  const kept = (place: TreePlace): Layers | undefined => layersAmong(seen.layers ?? [], place.path, place)[0];
  const mounted = (layers: Layers, place: TreePlace): readonly Change[] => [
    ...(seen.runsSystemd ? keptMount(place.path, layers) : []),
    mount(layers, place.path),
  ];
  const unmounted = (place: TreePlace): readonly Change[] => [
    ...(seen.isOverlayMounted ? [hostProgram({ argv: ["umount", "--", place.path] })] : []),
    ...(seen.runsSystemd ? keptNoLonger(place.path) : []),
  ];
  const emptyName = (place: TreePlace): Change => ({ kind: "remove", path: place.path, expect: { type: "directory" } });
  return {
    name: "overlay",
    summary: "an overlay over another tree or the host's root, which must stay as it is; only what differs takes space",
    cannot: overlayRefusal,
    create: () => {
      throw new Error("an overlay needs a base");
    },
    clone: (from, at, place) => {
      const layers = made(at, place);
      const isOfOverlay = seen.base?.record?.backend === "overlay";
      const upper = `${layers.path}/upper`;
      return [
        held(layers, place),
        isOfOverlay
          ? copied(
              `${layersOver(layers.lower, from, { ...place, path: from, name: baseName(from) }).path}/upper`,
              upper,
              {
                ...seen,
                base: undefined,
              },
            )
          : hostProgram({ argv: ["sh", "-c", heading, "sh", from, upper] }),
        { kind: "makeDirectory", path: `${layers.path}/work`, mode: 0o700, uid: 0, gid: 0, expect: { type: "absent" } },
        directoryAt(at),
        mount(layers, at),
      ];
    },
    publish: (path, place) => {
      const layers = made(path, place);
      const final = layersOver(layers.lower, place.path, place);
      return [...closed(path), rename(layers.path, final.path), directoryAt(place.path), ...mounted(final, place)];
    },
    exchange: (path, place) => {
      const [fresh, old] = [made(path, place), kept(place)];
      const final = layersOver(fresh.lower, place.path, place);
      const away = old ? layersOver(old.lower, path, place) : undefined;
      return [
        ...closed(path),
        ...unmounted(place),
        ...(old && away ? exchanged(fresh, final, old, away) : [rename(fresh.path, final.path)]),
        ...mounted(final, place),
        ...(away ? [directoryAt(path), mount(away, path)] : []),
      ];
    },
    move: (from, to, place) => {
      const layers = made(from, place);
      const there = layersOver(layers.lower, to, place);
      return [...closed(from), rename(layers.path, there.path), directoryAt(to), mount(there, to)];
    },
    withdraw: (place, away) => {
      const layers = kept(place);
      return [
        ...unmounted(place),
        emptyName(place),
        ...(layers ? [rename(layers.path, layersOver(layers.lower, away, place).path)] : []),
      ];
    },
    remove: (at, place) => [...closed(at), ...all(at, place).map(released(place))],
    restore: (place, isThere) => {
      const layers = kept(place);
      if (!layers || seen.isOverlayMounted) return undefined;
      return [held(layers, place), ...(isThere ? [] : [directoryAt(place.path)]), ...mounted(layers, place)];
    },
  };
}

/** An overlay of an overlay is one more over the same base: the kernel stacks no more than two. */
function lowerOf(base: NonNullable<StorageSeen["base"]>): string {
  const below = base.record?.backend === "overlay" ? base.record.base?.path : undefined;
  return below ?? base.path;
}

function overlayRefusal(seen: StorageSeen, wish: "create" | "clone"): Refusal | undefined {
  const { place } = seen;
  const refusal = (message: string, remedy: string): Refusal => ({ message, remedy });
  if (wish === "create" || !seen.base || !place)
    return refusal(
      "an overlay needs a base, and the tree is not made from another one",
      "Say clone: BASE, or host, or take another backend.",
    );
  if (seen.fileSystem === "overlayfs")
    return refusal(
      `${place.directory} lies on an overlay itself, which cannot hold the changed part of another`,
      "Put the trees on another file system (crun_trees), or say backend: directory.",
    );
  if (seen.base.path !== "/" && !seen.isBaseNear)
    return refusal(
      `the base ${seen.base.path} does not lie beside the tree`,
      `An overlay's base is held as it is by what lies in ${place.keep}: clone it there with backend: directory first.`,
    );
  const path = [place.path, lowerOf(seen.base)].find((one) => /[,:\\"\s]/.test(one));
  return path === undefined
    ? undefined
    : refusal(
        `${JSON.stringify(path)} holds a character that the mount options of an overlay cannot`,
        "Give the trees a directory without commas, colons, quotes, backslashes and spaces.",
      );
}

function mount(layers: Layers, at: string): Change {
  return {
    ...hostProgram({ argv: ["mount", "-t", "overlay", "-o", overlayOptions(layers), "--", "overlay", at] }),
    assumes: [{ kind: "mounted", path: at, fileSystem: "overlayfs" }],
  };
}

function rename(path: string, to: string): Change {
  return { kind: "rename", path, to, onTaken: "refuse", expect: { type: "directory" } };
}

function exchanged(fresh: Layers, final: Layers, old: Layers, away: Layers): readonly Change[] {
  if (final.path !== old.path) return [rename(fresh.path, final.path), rename(old.path, away.path)];
  return [{ kind: "rename", path: fresh.path, to: final.path, onTaken: "exchange", expect: { type: "directory" } }];
}

/** The merged root is what the upper one is: owner, mode, times and extended attributes of the base's. */
const heading =
  'mkdir -- "$2" && tar -C "$1" -c --no-recursion --numeric-owner --xattrs --acls . | tar -C "$2" -x -p --numeric-owner --xattrs --xattrs-include="*" --acls';

/** A mount's place. */
function directoryAt(path: string): Change {
  return { kind: "makeDirectory", path, mode: 0o755, uid: 0, gid: 0, expect: { type: "absent" } };
}

const closing = '! mountpoint -q -- "$1" || umount -- "$1" || exit; ! [ -d "$1" ] || rmdir -- "$1"';

/** It is not mounted there any more, and its place is gone. */
function closed(at: string): readonly Change[] {
  const change = hostProgram({ argv: ["sh", "-c", closing, "sh", at] });
  return [{ ...change, assumes: [{ kind: "remove", path: at, expect: {} }] }];
}

/** While there are overlays over it, a base is read-only to everybody: mounted over itself, unless it is a mount already. */
const holding =
  'umask 077; mkdir -p -- "$1" || exit; [ "$2" = / ] || mountpoint -q -- "$2" || { mount --bind -o ro -- "$2" "$2" && : >"$3"; }';

function held({ path, lower, mark }: Layers, place: TreePlace): Change {
  return hostProgram({ argv: ["flock", place.keep, "sh", "-c", holding, "sh", path, lower, mark] });
}

/** With the last overlay goes the hold on the base. */
const releasing =
  'rm -rf --one-file-system -- "$1" || exit; rmdir -- "$2" 2>/dev/null || exit 0; ! [ -e "$4" ] || { rm -f -- "$4"; ! mountpoint -q -- "$3" || umount -l -- "$3"; }';

function released(place: TreePlace): (layers: Layers) => Change {
  return ({ path, group, lower, mark }) =>
    hostProgram({ argv: ["flock", place.keep, "sh", "-c", releasing, "sh", path, group, lower, mark] });
}
