// The unit of a machine, systemd-nspawn@NAME.service: its drop-in and its links.

import type { DeviceLimit, Limits } from "../../facts/cgroup-limits.js";
import { unitProperties } from "../../facts/cgroup-unit.js";

/** Where machinectl and systemd-nspawn@ look for trees. */
export const standardTrees = "/var/lib/machines";

/** A sentence for what is wrong with a machine's name, else undefined. machined takes names of hosts. */
export function machineNameProblem(name: string): string | undefined {
  const isName =
    /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?$/.test(name) && !name.includes("..") && name.length <= 64;
  if (isName) return undefined;
  return `${JSON.stringify(name)} is no name for a machine: at most 64 letters, digits and _ - . (not two dots, none first or last)`;
}

export function machineUnit(name: string): string {
  return `systemd-nspawn@${name}.service`;
}

export const templateName = "systemd-nspawn@.service";
/** Where the template may lie, the one that wins first. */
export const templateDirectories = [
  "/etc/systemd/system",
  "/usr/local/lib/systemd/system",
  "/lib/systemd/system",
  "/usr/lib/systemd/system",
] as const;

export const unitsDirectory = "/etc/systemd/system";
export const dropInName = "50-crun.conf";
/** That of the module cgroup. */
export const limitsDropInName = "50-crun-limits.conf";
export const settingsDirectory = "/etc/systemd/nspawn";

/** The link that enables a machine, and the one that enables all that are enabled. */
export function enablingLinks(unit: string): { readonly machine: string; readonly target: string } {
  return {
    machine: `${unitsDirectory}/machines.target.wants/${unit}`,
    target: `${unitsDirectory}/multi-user.target.wants/machines.target`,
  };
}

/** What a drop-in says: limits, and where the tree is, if the template would not find it. */
export interface DropIn {
  readonly limits: Limits;
  readonly devices: readonly DeviceLimit[];
  /** `directory`: the tree; `template`: the text of the template unit. */
  readonly elsewhere: { readonly directory: string; readonly template: string } | undefined;
}

const header = "# Kept by crun.";

/** The drop-in's text, or undefined where it would say nothing; a template that starts no systemd-nspawn is a problem. */
export function dropInText({
  limits,
  devices,
  elsewhere,
}: DropIn): { readonly text: string | undefined } | { readonly problem: string } {
  const properties = unitProperties(limits, devices);
  if (!elsewhere)
    return { text: properties.length === 0 ? undefined : [header, "[Service]", ...properties, ""].join("\n") };
  const start = startLine(elsewhere.template);
  if (start === undefined)
    return { problem: `${templateName} of this host starts no systemd-nspawn that could be told where the tree is` };
  const directory = quoteForUnit(elsewhere.directory);
  return {
    text: [
      header,
      "[Unit]",
      `RequiresMountsFor=${directory}`,
      "[Service]",
      "ExecStart=",
      `${start} --directory=${directory}`,
      ...properties,
      "",
    ].join("\n"),
  };
}

/** The lines that count only when the machine starts. */
export function startLines(text: string): string {
  return text
    .split("\n")
    .filter((line) => /^(?:ExecStart|RequiresMountsFor)=/.test(line))
    .join("\n");
}

/** The template's last ExecStart= line, lines that go on joined. */
function startLine(template: string): string | undefined {
  const joined = template.replace(/\\\n/g, " ");
  const found = joined.split("\n").filter((line) => /^ExecStart=\S*systemd-nspawn(?:\s|$)/.test(line));
  return found.at(-1)?.trimEnd();
}

/** A word of a unit file: quoted where it must be, specifiers and variables as they are. */
function quoteForUnit(word: string): string {
  const plain = word.replace(/%/g, "%%").replace(/\$/g, "$$$$");
  return /[\s"'\\;]/.test(plain) ? `"${plain.replace(/[\\"]/g, "\\$&")}"` : plain;
}
