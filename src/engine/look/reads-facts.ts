// Whether anything in a play may read the facts, told from names alone: then they come with the first look.

import type { VarLayer } from "../../module/value.js";
import type { Node, Play } from "../../playbook/play.js";
import type { PlayLayers } from "../play-layers.js";
import type { Code } from "../program.js";
import type { TargetState } from "../target-state.js";

const factName = "facts";
const known = new WeakMap<VarLayer, boolean>();

export function readsFacts(code: Code, play: Play, layers: PlayLayers, states: readonly TargetState[]): boolean {
  for (const op of code.ops) {
    if (op.kind === "task" && (op.info.names.has(factName) || op.info.usesHostvars)) return true;
    if (op.kind === "include" && nodeReads(op.include)) return true;
  }
  const isRead =
    layers.files?.names.has(factName) === true ||
    [...layers.defaults, ...layers.vars, ...(layers.files?.layers ?? []), ...layers.roleVars].some(layerReads) ||
    states.some((state) => state.inventoryLayers.some(layerReads));
  return isRead || play.handlers.some(nodeReads);
}

function nodeReads(node: Node): boolean {
  if (node.when.some(({ names }) => names.has(factName))) return true;
  if (node.kind === "include")
    return (
      [node.file, ...Object.values(node.from)].some((one) => one.names.has(factName)) ||
      node.loop?.names.has(factName) === true
    );
  if (node.kind !== "task") return false;
  return Object.values(node.args).some(({ names }) => names.has(factName)) || node.loop?.names.has(factName) === true;
}

function layerReads(layer: VarLayer): boolean {
  let reads = known.get(layer);
  if (reads === undefined) {
    reads = false;
    for (const name of layer.names()) {
      const value = layer.get(name);
      if (value && !("raw" in value) && value.names.has(factName)) {
        reads = true;
        break;
      }
    }
    known.set(layer, reads);
  }
  return reads;
}
