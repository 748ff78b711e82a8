// What the apt module's `name` holds: names, patterns, and versions wanted.

import { compareVersions } from "./debian-version.js";
import { isPattern, patternOf } from "./shell-pattern.js";

/** `foo`, `foo=1.0*`, `foo>=1.0`, `foo*`, `foo:i386`. */
export interface AptSpec {
  readonly text: string;
  readonly name: string;
  readonly operator: "=" | ">=" | undefined;
  readonly version: string | undefined;
  readonly isPattern: boolean;
}

export function parseSpec(text: string): AptSpec {
  const parts = /^(.*?)(>?=)(.*)$/s.exec(text);
  const name = (parts?.[1] ?? text).trim();
  const operator = parts?.[2] === "=" || parts?.[2] === ">=" ? parts[2] : undefined;
  return { text, name, operator, version: operator && parts?.[3]?.trim(), isPattern: isPattern(name) };
}

/** What is wrong with a specification, as a sentence; undefined: nothing. */
export function specProblem(spec: AptSpec): string | undefined {
  if ((spec.text.match(/=/g) ?? []).length > 1 || spec.version === "") return `invalid package spec: ${spec.text}`;
  if (spec.isPattern) return undefined;
  if (/^[a-zA-Z0-9][a-zA-Z0-9+.-]*(:[a-z0-9-]+)?$/.test(spec.name)) return undefined;
  return `${JSON.stringify(spec.name)} is no package's name`;
}

/** Whether a version is one that the specification takes. */
export function takesVersion(spec: AptSpec, version: string): boolean {
  if (spec.version === undefined) return true;
  return spec.operator === ">=" ? compareVersions(version, spec.version) >= 0 : patternOf(spec.version).test(version);
}
