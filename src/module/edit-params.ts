// The parameters that lineinfile and blockinfile share.

import { checkFileParams, fileParams } from "./file-params.js";
import type { EditParams } from "./edit-file.js";
import { checkRegex } from "./regex.js";
import { toByteString } from "./text-file.js";
import { checkAbsolute } from "./tree-path.js";
import { checkValidate } from "./validate-command.js";

/** Spread into the `params` of modules that edit a text file. */
export const editParams = {
  ...fileParams,
  path: {
    type: "path",
    required: true,
    aliases: ["dest", "destfile", "name"],
    doc: "The file, an absolute path in the tree. A link is followed.",
  },
  state: { type: "str", default: "present", choices: ["absent", "present"], doc: "Whether it shall be there." },
  create: { type: "bool", default: false, doc: "Make the file (and directories above it) if it is missing." },
  backup: { type: "bool", default: false, doc: "Keep a copy of the file as it was, beside it." },
  validate: {
    type: "str",
    doc: "A command that runs in the tree before the file is put in place, with `%s` for the new content; if it fails nothing changes.",
  },
} as const;

/** Preflight for modules with `editParams` and places to insert. */
export function checkEditParams(
  params: EditParams & { readonly insertafter: string | undefined; readonly insertbefore: string | undefined },
): string | undefined {
  const anchors = [params.insertafter, params.insertbefore].filter(
    (one) => one !== undefined && one !== "EOF" && one !== "BOF",
  );
  const regex = anchors.map((one) => checkRegex(toByteString(one ?? ""))).find((one) => one !== undefined);
  return checkAbsolute("path", params.path) ?? checkFileParams(params) ?? checkValidate(params.validate) ?? regex;
}
