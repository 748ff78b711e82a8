// The way of an edited text file: what lineinfile and blockinfile have in common around their edits.

import { backupChange, backupName, backupProbe } from "./backup.js";
import type { Change } from "./change.js";
import type { Context, Plan, Refusal } from "./contract.js";
import type { FileParams, Node } from "./file-params.js";
import { attributeChange, differenceOf, nodeOf } from "./file-params.js";
import { directoryMaker, parentProbes, planParents } from "./make-parents.js";
import { defaultFileMode } from "./mode.js";
import type { Accounts } from "./ownership.js";
import { accountProbes, defaultOwnership } from "./ownership.js";
import type { GlobObservation, GlobProbe, ReadObservation, ReadProbe, StatObservation, StatProbe } from "./probe.js";
import { contentOfText, fromBytes } from "./text-file.js";
import { parentsOf, tidyPath } from "./tree-path.js";
import { concludeValidation, validateChange } from "./validate-command.js";
import { reasonOf } from "./failure-text.js";

export interface EditParams extends FileParams {
  readonly path: string;
  readonly create: boolean;
  readonly backup: boolean;
  readonly validate: string | undefined;
}

export type EditProbes = {
  readonly passwd: ReadProbe;
  readonly group: ReadProbe;
  readonly file: ReadProbe;
  readonly flags: readonly StatProbe[];
  readonly parents: readonly StatProbe[];
  readonly backups: readonly GlobProbe[];
};

export interface EditSeen {
  readonly file: ReadObservation;
  readonly flags: readonly StatObservation[];
  readonly parents: readonly StatObservation[];
  readonly backups: readonly GlobObservation[];
}

/** The file itself (links followed), and what may be needed to make it and to keep a copy of it. */
export function editProbes(params: EditParams, context: Context): EditProbes {
  const path = tidyPath(params.path);
  return {
    ...accountProbes,
    file: { kind: "read", path },
    flags: params.attributes === undefined ? [] : [{ kind: "stat", path, follow: true, withFlags: true }],
    parents: params.create ? parentProbes(path) : [],
    backups: params.backup ? [backupProbe(path, context)] : [],
  };
}

/** The file's text as a byte string (undefined: there is no file), or why it cannot be edited. */
export function textToEdit(
  params: EditParams,
  seen: EditSeen,
): { readonly text: string | undefined } | { readonly refusal: Refusal } {
  const { stat, content, failure, isTooLarge } = seen.file;
  if (failure) return { refusal: { message: `cannot read ${params.path}: ${reasonOf(failure)}` } };
  if (!stat) return { text: undefined };
  if (stat.type === "directory")
    return { refusal: { message: `Path ${params.path} is a directory !`, result: { rc: 256 } } };
  if (stat.type !== "file") return { refusal: { message: `${params.path} is no regular file but a ${stat.type}` } };
  if (isTooLarge || !content) {
    return {
      refusal: {
        message: `${params.path} has ${stat.size} bytes: too large to be edited line by line`,
        remedy: "Files up to 16 MiB can be; replace it as a whole with copy or template.",
      },
    };
  }
  return { text: fromBytes(content) };
}

/** What a file shall hold, and the words for it. */
export interface Edit {
  readonly text: string;
  readonly message: string;
  readonly warning?: string;
}

/** Changes that bring the edit about and the attributes right. The message is the edit's, with Ansible's words about attributes. */
export function planEdit(
  params: EditParams,
  edit: Edit,
  seen: EditSeen,
  accounts: Accounts,
  context: Context,
): Plan & { readonly backup: string | undefined; readonly message: string } {
  const path = tidyPath(params.path);
  const real = seen.file.real || path;
  const { stat, sha256 } = seen.file;
  const old = seen.file.content === undefined ? undefined : fromBytes(seen.file.content);
  const isChanged = old !== edit.text;
  const fail = (refusal: Refusal) => ({ changes: [], refusal, backup: undefined, message: edit.message });
  const flags = seen.flags[0]?.stat?.flags;
  const before: Node = stat
    ? nodeOf(stat, flags ?? stat.flags)
    : { type: "file", mode: defaultFileMode, ...defaultOwnership(context.becomeUser, accounts), links: 1, size: 0 };
  const difference = differenceOf(params, before, accounts);
  if (difference.refusal) return fail(difference.refusal);
  const attributes = attributeChange(real, before, difference);
  const message = attributes
    ? `${edit.message}${edit.message && isChanged ? " and " : ""}ownership, perms or SE linux context changed`
    : edit.message;
  if (!isChanged) return { changes: attributes ? [attributes] : [], backup: undefined, message };
  const changes: Change[] = [];
  if (!stat) {
    const plain = { ...params, mode: undefined, owner: undefined, group: undefined, attributes: undefined };
    const parents = planParents(parentsOf(path), seen.parents, directoryMaker(plain, accounts, context));
    if (parents.refusal) return fail(parents.refusal);
    changes.push(...parents.changes);
  }
  const [taken] = seen.backups;
  const backup = stat && taken ? backupName(path, context, taken) : undefined;
  if (stat && backup !== undefined) changes.push(backupChange(path, backup, stat));
  const content = contentOfText(edit.text);
  if (params.validate !== undefined) changes.push(validateChange(params.validate, { content }, undefined, context));
  const { setFlags, clearFlags, ...fields } = difference;
  changes.push({
    kind: "writeFile",
    path: real,
    content,
    ...fields,
    ...(params.unsafe_writes && stat ? { inPlace: true } : {}),
    expect: stat ? { type: "file", ...(sha256 === undefined ? {} : { sha256 }) } : { type: "absent" },
  });
  const flagChange = attributeChange(
    real,
    { ...before, ...fields },
    { ...(setFlags ? { setFlags } : {}), ...(clearFlags ? { clearFlags } : {}) },
  );
  if (flagChange) changes.push(flagChange);
  const { validate } = params;
  return {
    changes,
    backup,
    message,
    ...(validate === undefined ? {} : { conclude: (outcomes) => concludeValidation(outcomes, validate) }),
  };
}
