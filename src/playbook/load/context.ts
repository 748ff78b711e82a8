// What the loader's parts share while one playbook is read.

import type { ModuleRegistry } from "../../module/contract.js";
import type { VarLayer } from "../../module/value.js";
import type { PlaybookFiles } from "./files.js";
import type { Findings } from "./findings.js";
import type { Handler } from "../play.js";

export interface LoadContext {
  readonly registry: ModuleRegistry;
  readonly files: PlaybookFiles;
  readonly findings: Findings;
  /** The playbook's directory. */
  readonly directory: string;
  /** Where roles are looked for besides `roles/`. */
  readonly rolesPath: readonly string[];
  /** What the roles of the play at hand bring with them. */
  readonly gathered: Gathered;
}

interface FromRoles {
  readonly defaults: VarLayer[];
  readonly vars: VarLayer[];
  readonly handlers: Handler[];
}

export interface Gathered {
  /** What the roles that the play lists define, and above it what imported ones do: the whole play sees it. */
  readonly listed: FromRoles;
  readonly imported: FromRoles;
  /** Roles that were read with the same arguments already: their handlers and variables are known. */
  readonly seen: Set<string>;
  readonly roleNames: { readonly own: string[]; readonly dependencies: string[] };
}

export function nothingGathered(): Gathered {
  const nothing = (): FromRoles => ({ defaults: [], vars: [], handlers: [] });
  return { listed: nothing(), imported: nothing(), seen: new Set(), roleNames: { own: [], dependencies: [] } };
}
