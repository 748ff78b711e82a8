// Trees as overlays: a base that stays as it is, and what differs from it. Mounted last, so that whatever is mounted is whole.

import type { Change, MountOverlay, WriteFile } from "../../module/change.js";
import type { Refusal } from "../../module/contract.js";
import { baseName } from "../../module/tree-path.js";
import type { Backend, StorageSeen } from "../backend.js";
import type { TreePlace } from "../place.js";
import { hostProgram } from "../program.js";
import { NOTHING_SEEN } from "../storage-seen.js";
import { layersAmong, layersOver, type Layers } from "./layers.js";
import { holdUnit, holdUnitPath, keptMount, keptNoLonger } from "./mount-unit.js";
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
  const unit = (layers: Layers, place: TreePlace): readonly Change[] =>
    seen.runsSystemd ? keptMount(place.path, layers) : [];
  const held = (layers: Layers, place: TreePlace): readonly Change[] =>
    heldBase(layers, place, seen.runsSystemd === true);
  const mounted = (layers: Layers, place: TreePlace): readonly Change[] => [
    ...unit(layers, place),
    ...held(layers, place),
    mount(layers, place.path),
  ];
  const unmounted = (place: TreePlace, removesDirectory: boolean): readonly Change[] =>
    seen.isOverlayMounted ? [{ kind: "unmount", path: place.path, removesDirectory, expect: {} }] : [];
  const unitRemoved = (place: TreePlace): readonly Change[] => (seen.runsSystemd ? keptNoLonger(place.path) : []);
  // What `cloneWritten` makes is mounted nowhere.
  let isHidden = false;
  const closed = (at: string): readonly Change[] => (isHidden ? [] : [unmountedIfMounted(at, true)]);
  return {
    name: "overlay",
    summary: "an overlay over another tree or the host's root, which must stay as it is; only what differs takes space",
    cannot: overlayRefusal,
    create: () => {
      throw new Error("an overlay needs a base");
    },
    clone: (from, at, place) => {
      const layers = made(at, place);
      const old = seen.base?.record?.backend === "overlay" ? layersOfOther(from, layers, place) : undefined;
      return [
        room(layers, place),
        old ? copied(old, `${layers.path}/upper`) : copiedUp(from, layers, []),
        work(layers),
        mount(layers, at),
      ];
    },
    cloneWritten: (from, at, place, changes) => {
      const layers = made(at, place);
      const written = seen.base?.record?.backend === "overlay" ? undefined : inUpper(changes, at, layers);
      if (!written) return undefined;
      isHidden = true;
      const paths = written.map(({ path }) => path.slice(`${layers.path}/upper`.length));
      return [room(layers, place), copiedUp(from, layers, paths), ...written, work(layers)];
    },
    mountsTrees: true,
    mountsClones: true,
    remount: (at, place) => [mount(made(at, place), at)],
    publish: (path, place) => {
      const layers = made(path, place);
      const final = layersOver(layers.lower, place.path, place);
      return [...closed(path), rename(layers.path, final.path), ...mounted(final, place)];
    },
    exchange: (path, place) => {
      const [fresh, old] = [made(path, place), kept(place)];
      const final = layersOver(fresh.lower, place.path, place);
      const away = old ? layersOver(old.lower, path, place) : undefined;
      const isSame = old?.path === final.path;
      return [
        ...closed(path),
        ...(isSame ? unit(final, place) : []),
        ...held(final, place),
        // Layers may get other names while they are mounted. Where a tree cannot be unmounted, which is in use, nothing has changed yet.
        { ...mount(fresh, place.path), replaces: seen.isOverlayMounted === true },
        ...(old && away ? exchanged(fresh, final, old, away) : [rename(fresh.path, final.path)]),
        ...(isSame ? [] : unit(final, place)),
        ...(away ? [mount(away, path)] : []),
      ];
    },
    // Mounted again once it has changed places with the tree: until then its directory tells of it.
    move: (from, to, place) => {
      const layers = made(from, place);
      const there = layersOver(layers.lower, to, place);
      return [
        ...closed(from),
        // First: whoever finds it takes away what may lie in its layers.
        { kind: "makeDirectory", path: to, mode: 0o700, uid: 0, gid: 0, expect: { type: "absent" } },
        rename(layers.path, there.path),
      ];
    },
    withdraw: (place, away) => {
      const layers = kept(place);
      return [
        ...(seen.isOverlayMounted
          ? unmounted(place, true)
          : [{ kind: "remove", path: place.path, expect: { type: "directory" } } as const]),
        ...unitRemoved(place),
        ...(layers ? [rename(layers.path, layersOver(layers.lower, away, place).path)] : []),
      ];
    },
    remove: (at, place) => {
      const layers = all(at, place);
      return [unmountedIfMounted(at, layers.length === 0), ...layers.map(released(place, at))];
    },
    restore: (place) => {
      const layers = kept(place);
      if (!layers || seen.isOverlayMounted) return undefined;
      return mounted(layers, place);
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

function mount({ lower, path }: Layers, at: string): MountOverlay {
  return { kind: "mountOverlay", path: at, lower, upper: `${path}/upper`, work: `${path}/work`, expect: {} };
}

function rename(path: string, to: string): Change {
  return { kind: "rename", path, to, onTaken: "refuse", expect: { type: "directory" } };
}

function exchanged(fresh: Layers, final: Layers, old: Layers, away: Layers): readonly Change[] {
  if (final.path !== old.path) return [rename(fresh.path, final.path), rename(old.path, away.path)];
  return [{ kind: "rename", path: fresh.path, to: final.path, onTaken: "exchange", expect: { type: "directory" } }];
}

function layersOfOther(path: string, { lower }: Layers, place: TreePlace): string {
  return `${layersOver(lower, path, { ...place, path, name: baseName(path) }).path}/upper`;
}

/** The directory of the layers. What takes the last one away removes that of all over the base: not meanwhile. */
function room({ path }: Layers, place: TreePlace): Change {
  return hostProgram({ argv: ["flock", place.keep, "sh", "-c", 'umask 077 && mkdir -p -- "$1"', "mkdir", path] });
}

function work({ path }: Layers): Change {
  return {
    kind: "makeDirectory",
    path: `${path}/work`,
    mode: 0o700,
    uid: 0,
    gid: 0,
    expect: { type: "absent" },
  };
}

const copyingUp =
  'from=$1 upper=$2; shift 2; mkdir -- "$upper" && tar -C "$from" -c --no-recursion --numeric-owner --xattrs --acls -- "$@" | ' +
  'tar -C "$upper" -x -p --numeric-owner --xattrs --xattrs-include="*" --acls';

/** As the kernel does it: the root, which the merged one is like, and files that are to be written, with the directories above them. */
function copiedUp(from: string, layers: Layers, paths: readonly string[]): Change {
  const above = paths.flatMap((path) => [...path.matchAll(/\//g)].map(({ index }) => `.${path.slice(0, index)}`));
  const all = [...new Set([".", ...above.toSorted(), ...paths.map((path) => `.${path}`)])];
  return hostProgram({ argv: ["sh", "-c", copyingUp, "tar", from, `${layers.path}/upper`, ...all] });
}

/** The same files, in the upper layer; undefined where that cannot be: a removal is no file there. */
function inUpper(changes: readonly Change[], at: string, { path }: Layers): WriteFile[] | undefined {
  const written: WriteFile[] = [];
  const moved = (old: string): string => `${path}/upper${old.slice(at.length)}`;
  for (const change of changes) {
    if (change.kind !== "writeFile" || !change.path.startsWith(`${at}/`) || change.expect.type !== "file")
      return undefined;
    const { real } = change.expect;
    written.push({
      ...change,
      path: moved(change.path),
      expect: { ...change.expect, ...(real === undefined ? {} : { real: moved(real) }) },
    });
  }
  return written;
}

const closing = '! mountpoint -q -- "$1" || umount -- "$1" || exit; [ -z "$2" ] || ! [ -d "$1" ] || rmdir -- "$1"';

/** It is not mounted there any more and, if wanted, its place is gone; where it never was, nothing is done. */
function unmountedIfMounted(at: string, removesPlace: boolean): Change {
  const change = hostProgram({ argv: ["sh", "-c", closing, "umount", at, removesPlace ? "yes" : ""] });
  return removesPlace ? { ...change, assumes: [{ kind: "remove", path: at, expect: {} }] } : change;
}

/** While there are overlays over it, a base is read-only to everybody: mounted over itself, unless it is a mount already. Marked first: whoever is killed leaves nothing that nobody takes back. */
const holding =
  'mountpoint -q -- "$1" && exit; : >"$2" && mount --bind -o ro -- "$1" "$1" || exit; [ -n "$3" ] && ! [ -e "$3" ] || exit 0; ' +
  'printf %s "$4" >"$3" && systemctl --quiet enable -- "${3##*/}"';

function heldBase({ lower, mark }: Layers, place: TreePlace, runsSystemd: boolean): readonly Change[] {
  if (lower === "/") return [];
  const unit = runsSystemd ? [holdUnitPath(lower), holdUnit(lower)] : ["", ""];
  return [hostProgram({ argv: ["flock", place.keep, "sh", "-c", holding, "mount", lower, mark, ...unit] })];
}

/** With the last overlay goes the hold on the base. The place goes last: while it is there the next run knows that something is to be taken away. */
const releasing =
  'rm -rf --one-file-system -- "$1" || exit; rmdir -- "$2" 2>/dev/null; if ! [ -d "$2" ] && [ -e "$4" ]; then ' +
  '! grep -qs "^# Made by crun" "$5" || { systemctl --quiet disable -- "${5##*/}"; rm -f -- "$5"; }; ' +
  '! mountpoint -q -- "$3" || umount -l -- "$3" || exit; rm -f -- "$4"; fi; ! [ -d "$6" ] || rmdir -- "$6"';

function released(place: TreePlace, at: string): (layers: Layers) => Change {
  return ({ path, group, lower, mark }) => {
    const unit = holdUnitPath(lower);
    const change = hostProgram({
      argv: ["flock", place.keep, "sh", "-c", releasing, "rm", path, group, lower, mark, unit, at],
    });
    return { ...change, assumes: [{ kind: "remove", path: at, expect: {} }] };
  };
}
