// The module blockinfile: a block of lines between markers in a text file.

import type { Plan } from "../src/module/contract.js";
import { defineModule } from "../src/module/contract.js";
import { editBlock } from "../src/module/edit-block.js";
import { editProbes, planEdit, textToEdit } from "../src/module/edit-file.js";
import { checkEditParams, editParams } from "../src/module/edit-params.js";
import { readAccounts } from "../src/module/ownership.js";
import { BadRegex } from "../src/module/regex.js";

export default defineModule({
  name: "blockinfile",
  summary: "Keeps a block of lines between two marker lines in a text file, or out of it",
  doc:
    "The block is known by its marker lines: give each block of a file a marker of its own. In a loop, put `{{item}}` into the marker. " +
    "The file's bytes need not be UTF-8: all others stay as they are.",
  params: {
    ...editParams,
    block: {
      type: "str",
      default: "",
      aliases: ["content"],
      doc: "The lines. Empty: as with state absent, the block goes.",
    },
    marker: {
      type: "str",
      default: "# {mark} ANSIBLE MANAGED BLOCK",
      doc: "The marker lines; `{mark}` becomes `marker_begin` and `marker_end`.",
    },
    marker_begin: { type: "str", default: "BEGIN", doc: "What `{mark}` is in the first line." },
    marker_end: { type: "str", default: "END", doc: "What `{mark}` is in the last line." },
    insertafter: {
      type: "str",
      doc: "Where there is no block yet: behind the last line that matches this (Python's regular expression), or `EOF` (default).",
    },
    insertbefore: {
      type: "str",
      doc: "Where there is no block yet: before the last line that matches this, or `BOF`.",
    },
  },
  rules: { mutuallyExclusive: [["insertbefore", "insertafter"]] },
  returns: { backup_file: "Path of the copy that was kept of the file as it was." },
  check: (params) => checkEditParams(params),
  observe: (params, context) => editProbes(params, context),
  plan(params, seen, context): Plan {
    const was = textToEdit(params, seen);
    if ("refusal" in was) return { changes: [], refusal: was.refusal };
    if (was.text === undefined && !params.create) {
      const remedy = "Make it in an earlier task, or write create: true.";
      return { changes: [], refusal: { message: `Path ${params.path} does not exist !`, remedy, result: { rc: 257 } } };
    }
    if (was.text === undefined && params.state === "absent")
      return { changes: [], message: `File ${params.path} not present` };
    try {
      const edit = editBlock(was.text, {
        block: params.state === "present" ? params.block : "",
        marker: params.marker,
        begin: params.marker_begin,
        end: params.marker_end,
        insertAfter: params.insertafter,
        insertBefore: params.insertbefore,
      });
      const { backup, ...plan } = planEdit(params, edit, seen, readAccounts(seen), context);
      return { ...plan, ...(backup === undefined ? {} : { result: { backup_file: backup } }) };
    } catch (error) {
      if (error instanceof BadRegex) return { changes: [], refusal: { message: error.message } };
      throw error;
    }
  },
  examples: [
    {
      title: "Names in /etc/hosts",
      yaml: "- blockinfile:\n    path: /etc/hosts\n    block: |\n      192.0.2.10 web1\n      192.0.2.11 web2",
    },
    {
      title: "Two blocks in one file, by their markers",
      yaml: "- blockinfile:\n    path: /etc/ssh/sshd_config\n    marker: '# {mark} sftp'\n    insertafter: EOF\n    block: |\n      Match Group sftp\n        ForceCommand internal-sftp",
    },
    { title: "A block that shall be gone", yaml: "- blockinfile:\n    path: /etc/hosts\n    state: absent" },
  ],
});
