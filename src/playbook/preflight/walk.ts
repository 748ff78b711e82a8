// Goes through everything of a playbook that can be read before it runs, static includes opened.

import { CrunError, type Diagnostic } from "../../diagnostic/diagnostic.js";
import type { Renderable, VarLayer } from "../../module/value.js";
import { NO_SCOPE } from "../scope/no-scope.js";
import type { Handler, Include, IncludeWish, Node, Play, Playbook, Task } from "../play.js";

export interface Walked {
  /** Tasks, with the loops of the includes around them. */
  readonly tasks: readonly {
    readonly task: Task;
    readonly around: readonly Include[];
    readonly isHandler: boolean;
    readonly play: Play;
  }[];
  readonly others: readonly {
    readonly node: Exclude<Node, Task>;
    readonly around: readonly Include[];
    readonly play: Play;
  }[];
  /** Layers that includes bring. */
  readonly layers: readonly VarLayer[];
  /** Handlers by play, those of included roles too. */
  readonly handlers: ReadonlyMap<Play, readonly Handler[]>;
  /** Plays that include something whose name is known only while they run. */
  readonly openPlays: ReadonlySet<Play>;
  readonly findings: readonly Diagnostic[];
}

/** How deep includes are opened: more is a loop that only values end. */
const DEEPEST = 8;

/** Text of a value that is no template; undefined for a template. */
export function staticText(value: Renderable | undefined): string | undefined {
  return value?.isStatic ? String(value.render(NO_SCOPE)) : undefined;
}

/** What an include reads, where no target has a say in it. */
function staticWish(include: Include): IncludeWish | undefined {
  const file = staticText(include.file);
  const from = Object.entries(include.from).map(([part, value]) => [part, staticText(value)] as const);
  if (file === undefined || from.some(([, value]) => value === undefined)) return undefined;
  return { file, from: Object.fromEntries(from.map(([part, value]) => [part, value ?? ""])) };
}

export async function walk(playbook: Playbook): Promise<Walked> {
  const walker = new Walker();
  for (const play of playbook.plays) {
    walker.handlers.set(play, [...play.handlers]);
    await walker.nodes(play, play.nodes, []);
    await walker.nodes(play, walker.handlers.get(play) ?? [], [], true);
  }
  return walker;
}

class Walker implements Walked {
  readonly tasks: { task: Task; around: readonly Include[]; isHandler: boolean; play: Play }[] = [];
  readonly others: { node: Exclude<Node, Task>; around: readonly Include[]; play: Play }[] = [];
  readonly layers: VarLayer[] = [];
  readonly handlers = new Map<Play, Handler[]>();
  readonly openPlays = new Set<Play>();
  readonly findings: Diagnostic[] = [];

  async nodes(play: Play, nodes: readonly Node[], around: readonly Include[], isHandler = false): Promise<void> {
    for (const node of nodes) {
      if (node.kind === "task") {
        this.tasks.push({ task: node, around, isHandler, play });
        continue;
      }
      this.others.push({ node, around, play });
      if (node.kind === "block") {
        for (const part of [node.block, node.rescue, node.always]) await this.nodes(play, part, around, isHandler);
      } else if (node.kind === "include") await this.#include(play, node, around, isHandler);
    }
  }

  async #include(play: Play, include: Include, around: readonly Include[], isHandler: boolean): Promise<void> {
    const wish = staticWish(include);
    if (wish === undefined || around.length >= DEEPEST || around.includes(include)) {
      if (wish === undefined) this.openPlays.add(play);
      return;
    }
    // The same file within itself: its tasks were seen.
    if (around.some((one) => one.place.file === include.place.file && one.place.line === include.place.line)) return;
    try {
      const loaded = await include.load(wish.file, wish.from);
      this.layers.push(...loaded.defaults, ...loaded.vars);
      this.handlers.get(play)?.push(...loaded.handlers);
      await this.nodes(play, loaded.nodes, [...around, include], isHandler);
    } catch (error) {
      if (!(error instanceof CrunError)) throw error;
      this.findings.push(...error.diagnostics);
    }
  }
}
