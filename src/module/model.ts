// A model of a tree: what was observed, overlaid with what was planned; probes are answered from it.

import type { Assumption, Change } from "./change.js";
import { joined, KnownPaths } from "./known-paths.js";
import { mergeEntries, mergePaths } from "./model-entries.js";
import { amendParagraphs, nodeObservation, nodeOf, statOf, type Node, type PresentNode } from "./model-node.js";
import { predictChange } from "./predict.js";
import { followsLink, glanceOf, probeKey } from "./probe-key.js";
import type { Observation, Probe, Root } from "./probe.js";
import { parentOf } from "./tree-path.js";

/** How the model answers a probe. */
export type Answer =
  /** `isCertain` false: a command ran (or will have run) whose effect on this is not known, or only a prediction is at hand. */
  | {
      readonly kind: "known";
      readonly observation: Observation;
      readonly isCertain: boolean;
      /** Not certain enough to act on, but what a real run will find: nothing that it tells of was predicted to change. */
      readonly isForetold?: boolean;
    }
  /** Not seen yet: send this probe (its path may differ from what was asked) and `remember` the answer. */
  | { readonly kind: "ask"; readonly probe: Probe };

/** A path followed through what is predicted: a node, certain absence, or a path that only the tree can tell of. */
type Located =
  | { readonly kind: "node"; readonly path: string; readonly node: PresentNode }
  | { readonly kind: "absent"; readonly path: string }
  | { readonly kind: "open"; readonly path: string; readonly isCertain: boolean };

/** An answer, and how many changes had been predicted when it came. */
interface Seen {
  readonly observation: Observation;
  readonly version: number;
}

const linkLimit = 40;

/** The ways to ask for what lies at a path: the answer to any tells what is there. */
const statWishes = [
  { withFileSystem: true },
  {},
  { withFlags: true },
  { withFlags: true, withFileSystem: true },
] as const;

export class Model {
  readonly #observed = new Map<string, Seen>();
  /** Predicted nodes by root and canonical path (`t/etc/hosts`). */
  readonly #overlay = new Map<string, Node>();
  /** Canonical paths by root, way of following and path asked for. */
  readonly #reals = new Map<string, string>();
  readonly #known = new KnownPaths();
  /** Grows with each predicted change. */
  #version = 0;
  /** The version at which a program was last predicted to run. */
  #lastRun = 0;
  /** A command of unknown effect was predicted. */
  #isOpaque = false;

  /** A tree that holds nothing but an empty root directory, on this file system: every probe can be answered. For tests and fakes. */
  static empty(fileSystem?: string): Model {
    const model = new Model();
    const on = fileSystem === undefined ? {} : { fileSystem };
    for (const root of ["t", "h"]) {
      model.#overlay.set(`${root}/`, { stat: statOf("directory", { mode: 0o755 }), isNewDirectory: true, ...on });
    }
    return model;
  }

  /** Whether changes were predicted since the model was made. */
  get isDirty(): boolean {
    return this.#version > 0;
  }

  /** Whether a command of unknown effect was predicted. */
  get isOpaque(): boolean {
    return this.#isOpaque;
  }

  /** Forgets what was observed; what was predicted stays on top of what will be. */
  forgetObserved(): void {
    this.#observed.clear();
    this.#reals.clear();
    this.#known.clear();
  }

  /** Takes in what the tree answered. */
  remember(probe: Probe, observation: Observation): void {
    this.#observed.set(probeKey(probe), { observation, version: this.#version });
    this.#known.remember(probe, observation);
    if ("real" in observation && "path" in probe && observation.real !== probe.path && observation.real !== "") {
      const root = probe.at === "host" ? "h" : "t";
      this.#reals.set(`${root}${followsLink(probe) ? "f" : "n"}${probe.path}`, observation.real);
      if (!followsLink(probe)) this.#reals.set(`${root}f${parentOf(probe.path)}`, parentOf(observation.real));
    }
  }

  /** What was answered to the probe, or is known from a glance. */
  #seen(probe: Probe): Seen | undefined {
    const seen = this.#observed.get(probeKey(probe));
    if (seen || probe.kind !== "read" || probe.unlessSha256 === undefined) return seen;
    const glance = this.#observed.get(probeKey(glanceOf(probe)));
    if (glance?.observation.kind !== "read" || glance.observation.isTooLarge) return undefined;
    if (glance.observation.sha256 !== probe.unlessSha256) return glance;
    return { ...glance, observation: { ...glance.observation, content: undefined } };
  }

  /** What the tree itself answered, and to which probe (its path may differ); undefined where all about it is predicted. */
  observed(probe: Probe): { readonly probe: Probe; readonly observation: Observation } | undefined {
    let asked = probe;
    let seen = this.#seen(probe);
    if (!seen && "path" in probe && probe.kind !== "glob") {
      const located = this.#locate(probe.at, probe.path, followsLink(probe));
      asked = { ...probe, path: located.path };
      seen = located.kind === "open" ? this.#seen(asked) : undefined;
    }
    return seen && { probe: asked, observation: seen.observation };
  }

  answer(probe: Probe): Answer {
    if (probe.kind === "exec" || probe.kind === "machine" || probe.kind === "connect") return this.#answerRun(probe);
    if (this.#version === 0 && this.#overlay.size === 0) {
      const seen = this.#seen(probe);
      return seen ? { kind: "known", observation: seen.observation, isCertain: true } : { kind: "ask", probe };
    }
    if (probe.kind === "glob") return this.#answerGlob(probe);
    const located = this.#locate(probe.at, probe.path, followsLink(probe));
    if (located.kind !== "open") return this.#fromOverlay(probe, located);
    const asked = located.path === probe.path ? probe : { ...probe, path: located.path };
    const seen = this.#seen(asked);
    if (!seen) return { kind: "ask", probe: asked };
    const { observation } = seen;
    const isCertain = located.isCertain && !this.#isOpaque;
    if ("real" in observation && observation.real !== "" && observation.real !== located.path) {
      const real = this.#locate(probe.at, observation.real, false);
      if (real.kind !== "open") return this.#fromOverlay(probe, real);
    }
    if (probe.kind === "list" && observation.kind === "list") {
      return {
        kind: "known",
        observation: {
          ...observation,
          entries: mergeEntries(this.#overlay, probe, observation.real || asked.path, observation.entries),
        },
        isCertain,
      };
    }
    return { kind: "known", observation, isCertain };
  }

  /**
   * Predicts the changes, and gives them with the place that each path was observed to lead to, where that is known: what
   * was swapped for a link since then is refused, not followed.
   */
  guard(changes: readonly Change[]): Change[] {
    return changes.map((change) => {
      const real = this.#placeOf(change);
      this.predict([change]);
      if (real === undefined || change.kind === "exec") return change;
      return { ...change, expect: { ...change.expect, real } };
    });
  }

  #placeOf(change: Change): string | undefined {
    if (this.#isOpaque || change.kind === "exec" || change.kind === "lock" || change.kind === "unlock")
      return undefined;
    if (change.kind === "writeKernel") return undefined;
    const { at, path } = change;
    const follows = (change.kind === "writeFile" || change.kind === "setAttributes") && change.follow === true;
    if (!follows) return this.#realOf(at, path);
    const node = this.#version === 0 ? undefined : this.#locate(at, path, false);
    return node === undefined || node.kind === "open" ? this.#known.targetOf(at, path) : undefined;
  }

  /** Through directories that are predicted to be made up to what was observed; never through a predicted link. */
  #realOf(at: Root | undefined, path: string): string | undefined {
    const parent = parentOf(path);
    if (this.#version === 0 || parent === "/") return this.#known.placeOf(at, path);
    const located = this.#locate(at, parent, true);
    if (located.path !== parent || located.kind === "absent") return undefined;
    if (located.kind === "open" || !located.node.isNewDirectory) return this.#known.placeOf(at, path);
    const real = this.#realOf(at, parent);
    return real === undefined ? undefined : joined(real, path);
  }

  /** Applies planned changes to the model. */
  predict(changes: readonly Assumption[]): void {
    for (const change of changes) {
      this.#version++;
      if (change.kind === "exec") {
        this.#lastRun = this.#version;
        if (!change.isContained) {
          this.#isOpaque = true;
        }
        this.predict(change.assumes ?? []);
      } else if (change.kind === "amendParagraphs") {
        amendParagraphs(this.#overlay, `t${this.#canonical(undefined, change.path, true)}`, change);
      } else if (change.kind === "mounted") {
        const { fileSystem } = change;
        this.#overlay.set(`t${change.path}`, { stat: statOf("directory"), isUnknownBeneath: true, fileSystem });
      } else if (change.kind === "appears") {
        const path = this.#canonical(undefined, change.path, true);
        this.#overlay.set(`t${path}`, { stat: statOf("file"), isContentUnknown: true, isAppearance: true });
      } else if (change.kind !== "lock" && change.kind !== "unlock") {
        predictChange(change, {
          nodes: this.#overlay,
          root: change.at === "host" ? "h" : "t",
          canonical: (path, follow) => this.#canonical(change.at, path, follow),
          look: (path, follow) => this.#look(change.at, path, follow),
        });
      }
    }
  }

  /** What is known of a path: its node, `absent`, or undefined. For predictions that build on what was there. */
  #look(at: Root | undefined, path: string, follow: boolean): Node | "absent" | undefined {
    const located = this.#locate(at, path, follow);
    if (located.kind === "node") return located.node;
    if (located.kind === "absent") return "absent";
    const base = at === "host" ? { at } : {};
    for (const variant of [follow, !follow]) {
      for (const wishes of statWishes) {
        const seen = this.#observed.get(
          probeKey({ kind: "stat", path: located.path, follow: variant, ...wishes, ...base }),
        );
        if (seen?.observation.kind === "stat" && (variant === follow || seen.observation.stat?.type !== "link"))
          return nodeOf(seen.observation);
      }
    }
    const letter = at === "host" ? "h" : "t";
    for (const [key, { observation }] of this.#observed) {
      if (key[1] !== letter) continue;
      // Reached by another name, through links.
      if (
        (observation.kind === "stat" || observation.kind === "list") &&
        observation.real === located.path &&
        observation.stat &&
        !(follow && observation.stat.type === "link")
      )
        return nodeOf({ ...observation, kind: "stat" });
      if (
        (observation.kind === "read" || observation.kind === "hash") &&
        (observation.real === located.path || observation.real === this.#canonical(at, path, follow))
      ) {
        if (!observation.stat) return "absent";
        if (observation.kind === "hash") return { stat: observation.stat, digests: observation.digests };
        const { content, sha256, stat } = observation;
        return content && sha256 ? { stat, content: { sha256, size: content.length, bytes: content } } : { stat };
      }
      if (observation.kind === "list" && located.path.startsWith(`${observation.real}/`)) {
        const name = located.path.slice(observation.real.length + 1);
        const entry = observation.entries.find((one) => one.name === name);
        if (entry && !(follow && entry.stat.type === "link")) return { stat: entry.stat, digests: entry.digests };
      }
    }
    return undefined;
  }

  #isNew(key: string): boolean {
    const node = this.#overlay.get(key);
    return node !== undefined && node !== "absent" && node.isNewDirectory === true;
  }

  #canonical(at: Root | undefined, path: string, follow: boolean): string {
    const root = at === "host" ? "h" : "t";
    const located = this.#locate(at, path, follow);
    if (located.kind !== "open") return located.path;
    const known = this.#reals.get(`${root}${follow ? "f" : "n"}${located.path}`);
    if (known !== undefined) return known;
    let parent = parentOf(located.path);
    let rest = located.path.slice(parent === "/" ? 1 : parent.length + 1);
    while (parent !== "/") {
      const real = this.#reals.get(`${root}f${parent}`);
      if (real !== undefined) return real === "/" ? `/${rest}` : `${real}/${rest}`;
      rest = `${parent.slice(parent.lastIndexOf("/") + 1)}/${rest}`;
      parent = parentOf(parent);
    }
    return located.path;
  }

  #locate(at: Root | undefined, path: string, follow: boolean): Located {
    const root = at === "host" ? "h" : "t";
    let parts = path.split("/").filter((part) => part !== "" && part !== ".");
    let here = "";
    let isInNew = this.#isNew(`${root}/`);
    let isCertain = true;
    let links = 0;
    for (let index = 0; index < parts.length; index++) {
      const part = parts[index] ?? "";
      if (part === "..") {
        here = here.slice(0, Math.max(0, here.lastIndexOf("/")));
        isInNew = this.#isNew(`${root}${here || "/"}`);
        continue;
      }
      const next = `${here}/${part}`;
      const node = this.#overlay.get(root + next);
      const isLast = index === parts.length - 1;
      if (!node) {
        if (isInNew) return { kind: "absent", path: [next, ...parts.slice(index + 1)].join("/") };
        here = next;
        continue;
      }
      if (node === "absent") return { kind: "absent", path: [next, ...parts.slice(index + 1)].join("/") };
      if (node.stat.type === "link" && (!isLast || follow)) {
        if (++links > linkLimit) return { kind: "absent", path: next };
        const target = node.stat.target.split("/").filter((one) => one !== "" && one !== ".");
        parts = [...target, ...parts.slice(index + 1)];
        index = -1;
        if (node.stat.target.startsWith("/")) here = "";
        isInNew = this.#isNew(`${root}${here || "/"}`);
        continue;
      }
      if (isLast) return { kind: "node", path: next, node };
      if (node.stat.type !== "directory" && node.stat.type !== "link") {
        return { kind: "absent", path: [next, ...parts.slice(index + 1)].join("/") };
      }
      if (node.isUnknownBeneath) isCertain = false;
      isInNew = node.isNewDirectory === true;
      here = next;
    }
    // A path that ends in `.` or `..`, or in a link to one, ends at a directory that was passed before.
    const node = this.#overlay.get(root + (here || "/"));
    if (node && node !== "absent") return { kind: "node", path: here || "/", node };
    return { kind: "open", path: here || "/", isCertain };
  }

  #fromOverlay(
    probe: Exclude<Probe, { kind: "exec" | "machine" | "connect" | "glob" }>,
    located: Exclude<Located, { kind: "open" }>,
  ): Answer {
    if (located.kind === "absent")
      return { kind: "known", observation: nodeObservation(probe, located.path, undefined), isCertain: true };
    const { node, path } = located;
    const isCertain =
      !node.isAppearance &&
      !(probe.kind === "stat" && probe.isExact) &&
      !(node.isUnknownBeneath && probe.kind === "list");
    if (probe.kind === "list") {
      if (node.isNewDirectory || node.stat.type !== "directory") {
        const entries = node.stat.type === "directory" ? mergeEntries(this.#overlay, probe, path, []) : [];
        return {
          kind: "known",
          observation: { kind: "list", real: path, stat: node.stat, isTruncated: false, entries },
          isCertain,
        };
      }
      const seen = this.#observed.get(probeKey({ ...probe, path }));
      if (!seen) return { kind: "ask", probe: { ...probe, path } };
      const old = seen.observation.kind === "list" ? seen.observation.entries : [];
      return {
        kind: "known",
        observation: {
          kind: "list",
          real: path,
          stat: node.stat,
          isTruncated: false,
          entries: mergeEntries(this.#overlay, probe, path, old),
        },
        isCertain,
      };
    }
    if (probe.kind === "stat" && probe.withFileSystem && node.fileSystem === undefined) {
      const fileSystem = this.#fileSystemAbove(probe.at, path);
      const withIt = fileSystem === undefined ? node : { ...node, fileSystem };
      return { kind: "known", observation: nodeObservation(probe, path, withIt), isCertain };
    }
    if (probe.kind === "stat" || node.content || node.stat.type !== "file") {
      return { kind: "known", observation: nodeObservation(probe, path, node), isCertain };
    }
    if (node.isContentUnknown)
      return { kind: "known", observation: nodeObservation(probe, path, node), isCertain: false };
    const original = { ...probe, path: node.contentFrom ?? path };
    const seen = this.#seen(original);
    if (!seen) return { kind: "ask", probe: original };
    return { kind: "known", observation: nodeObservation(probe, path, node, seen.observation), isCertain };
  }

  /** Of the nearest directory above of which it is known: what is made there lies on the same one. */
  #fileSystemAbove(at: Root | undefined, path: string): string | undefined {
    for (let above = path; above !== "/";) {
      above = parentOf(above);
      const node = this.#look(at, above, true);
      if (node !== undefined && node !== "absent" && node.fileSystem !== undefined) return node.fileSystem;
    }
    return undefined;
  }

  #answerGlob(probe: Extract<Probe, { kind: "glob" }>): Answer {
    const root = probe.at === "host" ? "h" : "t";
    const isClosed = this.#isNew(`${root}/`);
    const seen = this.#seen(probe);
    if (!seen && !isClosed) return { kind: "ask", probe };
    const paths = seen?.observation.kind === "glob" ? seen.observation.paths : [];
    return {
      kind: "known",
      observation: { kind: "glob", paths: mergePaths(this.#overlay, probe, paths) },
      isCertain: !this.#isOpaque,
    };
  }

  /** Whether nothing of what the program tells of was predicted to change since it told it. */
  #isForetold(probe: Probe, { version }: Seen): boolean {
    if (probe.kind !== "exec" || this.#isOpaque) return false;
    if (probe.isOfProcesses) return version >= this.#lastRun;
    return probe.reads?.every((path) => this.#locate(probe.at, path, true).kind === "open") ?? false;
  }

  /** A program's answer holds only until something is changed. */
  #answerRun(probe: Extract<Probe, { kind: "exec" | "machine" | "connect" }>): Answer {
    const seen = this.#seen(probe);
    if (!seen) return { kind: "ask", probe };
    const isCertain = probe.kind === "machine" ? !this.#isOpaque : seen.version === this.#version;
    return { kind: "known", observation: seen.observation, isCertain, isForetold: this.#isForetold(probe, seen) };
  }
}
