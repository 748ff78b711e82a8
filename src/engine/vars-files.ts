// vars_files of a play: read once where their names are plain, looked up for each target where they are templates.

import { CrunError, type Place } from "../diagnostic/diagnostic.js";
import { PendingVariable, type Renderable, type Scope, type VarLayer } from "../module/value.js";
import type { Play } from "../playbook/play.js";
import { NO_SCOPE } from "../playbook/scope/no-scope.js";

/** Reads the variables of one vars_files entry; undefined: the file does not exist. Throws a CrunError. */
export type VarsFileLoader = (path: string, play: Play, place: Place | undefined) => VarLayer | undefined;

type Entry =
  | { readonly kind: "read"; readonly layer: VarLayer }
  | { readonly kind: "template"; readonly path: Renderable };

export class VarsFiles {
  readonly #play: Play;
  readonly #load: VarsFileLoader;
  readonly #entries: readonly Entry[];
  /** By path: targets whose templates give the same share what was read. */
  readonly #read = new Map<string, VarLayer | undefined>();

  /** Throws a CrunError for a plain name of which there is no file. */
  constructor(play: Play, load: VarsFileLoader) {
    this.#play = play;
    this.#load = load;
    this.#entries = play.varsFiles.map((path) =>
      path.isStatic ? { kind: "read", layer: this.#layerOf(path, path.render(NO_SCOPE)) } : { kind: "template", path },
    );
  }

  /** What can be told before any target: layers that were read. */
  get layers(): readonly VarLayer[] {
    return this.#entries.flatMap((entry) => (entry.kind === "read" ? [entry.layer] : []));
  }

  /** Names that the templates of paths read. */
  get names(): ReadonlySet<string> {
    return new Set(this.#entries.flatMap((entry) => (entry.kind === "template" ? [...entry.path.names] : [])));
  }

  /**
   * Layers for one target, lowest precedence first. `scopeOver` makes the scope that a path is rendered in, of what lies below vars_files and of
   * these layers: those of the entries before it.
   */
  layersFor(scopeOver: (before: readonly VarLayer[]) => Scope): readonly VarLayer[] {
    const layers: VarLayer[] = [];
    for (const entry of this.#entries) {
      if (entry.kind === "read") layers.push(entry.layer);
      else {
        const before = [...layers];
        layers.push(this.#lazyLayer(entry.path, () => scopeOver(before)));
      }
    }
    return layers;
  }

  /** Found out when a variable is first looked up, since its path may need facts; then it stays. */
  #lazyLayer(path: Renderable, scope: () => Scope): VarLayer {
    let found: VarLayer | undefined;
    const layer = (): VarLayer => (found ??= this.#layerOf(path, path.render(scope())));
    return {
      origin: "vars_files",
      get: (name) => layer().get(name),
      placeOf: (name) => layer().placeOf?.(name),
      names() {
        try {
          return layer().names();
        } catch (error) {
          if (error instanceof PendingVariable || error instanceof CrunError) return [];
          throw error;
        }
      },
    };
  }

  /** The first of the named files that is there. */
  #layerOf(entry: Renderable, value: unknown): VarLayer {
    const choices = (Array.isArray(value) ? value : [value]).map(String);
    for (const path of choices) {
      if (!this.#read.has(path)) this.#read.set(path, this.#load(path, this.#play, entry.place));
      const layer = this.#read.get(path);
      if (layer) return layer;
    }
    throw new CrunError({
      severity: "error",
      summary: `vars_files: there is no file ${choices.map((one) => JSON.stringify(one)).join(", nor ")}`,
      place: entry.place,
      remedy: "Make it, or name its path from the playbook's directory.",
    });
  }
}
