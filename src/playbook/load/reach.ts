// What a play says of how its hosts are reached: connection, remote_user, port and the become keywords.

import { staticValue, templateOf } from "../template/template.js";
import type { Play } from "../play.js";
import type { Renderable } from "../../module/value.js";
import { suggest } from "../../diagnostic/near.js";
import type { Findings } from "./findings.js";
import { isTemplateText } from "./vars.js";
import { placeOf, type YamlMap, type YamlNode } from "../yaml/yaml.js";

const METHODS = ["sudo", "su", "doas", "none"];
/** Ansible's ways over SSH are one here. */
const OVER_SSH = ["ssh", "smart", "paramiko", "paramiko_ssh"];
const CONNECTIONS = ["local", ...OVER_SSH];

/** A play's keywords; what is wrong with them goes to the findings. */
export function reachOf(map: YamlMap, findings: Findings): Play["reach"] {
  const text = (keyword: string, check: (node: YamlNode) => void = () => undefined): Renderable | undefined => {
    const node = map.entries.get(keyword)?.value;
    if (!node) return undefined;
    if (isTemplateText(node)) return findings.try(() => templateOf(node));
    if (node.kind !== "scalar" || node.value === null || node.text === "") {
      findings.at(node, `${keyword} must be text`);
      return undefined;
    }
    check(node);
    return staticValue(node.text, placeOf(node));
  };
  const reach = {
    connection: text("connection", (node) => checkConnection(node, findings)),
    user: text("remote_user"),
    port: text("port", (node) => checkPort(node, findings)),
    becomeMethod: text("become_method", (node) => checkMethod(node, findings)),
    becomeExe: text("become_exe"),
    becomeFlags: text("become_flags"),
  };
  return Object.values(reach).some((one) => one !== undefined) ? reach : undefined;
}

/** `connection: local` of a block or task is that it acts on this machine. Undefined: it says nothing of the kind. */
export function localByConnection(node: YamlNode, findings: Findings): Renderable | undefined {
  if (isTemplateText(node)) {
    findings.at(node, "connection must be written out at a block, role or task", {
      remedy: "Write delegate_to, which takes a template.",
    });
    return undefined;
  }
  checkConnection(node, findings);
  return node.kind === "scalar" && shortOf(node.text) === "local" ? staticValue("local", placeOf(node)) : undefined;
}

/** Becoming a user for a task needs no method, but an unknown one is a mistake all the same. */
export function checkMethod(node: YamlNode, findings: Findings): void {
  if (isTemplateText(node)) return;
  const text = node.kind === "scalar" ? shortOf(node.text) : "";
  if (METHODS.includes(text)) return;
  findings.at(node, `become_method must be one of ${METHODS.join(", ")}, not ${JSON.stringify(text)}`, {
    remedy:
      suggest(text, METHODS) ?? "It is how the helper becomes root on a host; tasks become other users without one.",
  });
}

function checkConnection(node: YamlNode, findings: Findings): void {
  const text = node.kind === "scalar" ? shortOf(node.text) : "";
  if (CONNECTIONS.includes(text)) return;
  findings.at(node, `connection must be local or ssh, not ${JSON.stringify(text)}`, {
    remedy:
      suggest(text, CONNECTIONS) ??
      "A tree is entered by itself: crun_entry in the inventory chooses how (chroot, nspawn, machine, …).",
  });
}

function checkPort(node: YamlNode, findings: Findings): void {
  const port = node.kind === "scalar" && /^\d+$/.test(node.text) ? Number(node.text) : 0;
  if (port < 1 || port > 65_535) findings.at(node, "port must be a number from 1 to 65535");
}

function shortOf(name: string): string {
  return name.replace(/^(ansible|community)\.(builtin|legacy|general)\./, "");
}
