// The module lineinfile: one line of a text file.

import type { Plan } from "../src/module/contract.js";
import { defineModule } from "../src/module/contract.js";
import type { Edit } from "../src/module/edit-file.js";
import { editProbes, planEdit, textToEdit } from "../src/module/edit-file.js";
import { absentLine, presentLine } from "../src/module/edit-line.js";
import { checkEditParams, editParams } from "../src/module/edit-params.js";
import { readAccounts } from "../src/module/ownership.js";
import { BadRegex, checkRegex } from "../src/module/regex.js";
import { toByteString } from "../src/module/text-file.js";

export default defineModule({
  name: "lineinfile",
  summary: "Keeps one line in a text file, or out of it",
  doc:
    "The last line that matches `regexp` (or contains `search_string`) is replaced by `line`; where none matches, the line is added unless it is there. " +
    "Regular expressions are Python's, applied to each line. The file's bytes need not be UTF-8: all others stay as they are.",
  params: {
    ...editParams,
    regexp: {
      type: "str",
      aliases: ["regex"],
      doc: "Which line to replace or remove. With `backrefs`, its groups are available in `line`.",
    },
    search_string: { type: "str", doc: "Text that the line to replace or remove contains, taken literally." },
    line: { type: "str", aliases: ["value"], doc: "The line, without its newline." },
    insertafter: {
      type: "str",
      doc: "Where no line is replaced: behind the last line that matches this, or `EOF` (default) or `BOF`.",
    },
    insertbefore: { type: "str", doc: "Where no line is replaced: before the last line that matches this, or `BOF`." },
    backrefs: {
      type: "bool",
      default: false,
      doc: "Fill `\\1` or `\\g<name>` in `line` from the match; without a match nothing changes.",
    },
    firstmatch: { type: "bool", default: false, doc: "Take the first match instead of the last." },
  },
  rules: {
    mutuallyExclusive: [
      ["insertbefore", "insertafter"],
      ["regexp", "search_string"],
      ["backrefs", "search_string"],
    ],
  },
  returns: {
    backup: "Path of the copy that was kept; empty if there is none.",
    found: "With state absent: how many lines were removed.",
  },
  check(params) {
    const { state, line, regexp, search_string } = params;
    if (state === "present" && params.backrefs && regexp === undefined) return "regexp is required with backrefs=true";
    if (state === "present" && line === undefined) return "line is required with state=present";
    if (state === "absent" && line === undefined && regexp === undefined && search_string === undefined) {
      return "one of line, search_string, or regexp is required with state=absent";
    }
    return checkEditParams(params) ?? (regexp === undefined ? undefined : checkRegex(toByteString(regexp)));
  },
  observe: (params, context) => editProbes(params, context),
  plan(params, seen, context): Plan {
    const was = textToEdit(params, seen);
    if ("refusal" in was) return { changes: [], refusal: was.refusal };
    const warnings = emptyPattern(params.regexp, params.search_string);
    if (was.text === undefined && params.state === "absent")
      return { changes: [], message: "file not present", warnings };
    if (was.text === undefined && !params.create) {
      const remedy = "Make it in an earlier task, or write create: true.";
      return {
        changes: [],
        refusal: { message: `Destination ${params.path} does not exist !`, remedy, result: { rc: 257 } },
      };
    }
    try {
      const edit: Edit & { readonly found?: number } =
        params.state === "absent"
          ? absentLine(was.text ?? "", { line: params.line, regexp: params.regexp, searchString: params.search_string })
          : presentLine(was.text ?? "", wishOf(params));
      if (was.text === undefined && edit.message === "")
        return { changes: [], message: "", result: { backup: "" }, warnings };
      const { backup, ...plan } = planEdit(params, edit, seen, readAccounts(seen), context);
      return {
        ...plan,
        warnings: [...warnings, ...(edit.warning === undefined ? [] : [edit.warning])],
        result: { backup: backup ?? "", ...(edit.found === undefined ? {} : { found: edit.found }) },
      };
    } catch (error) {
      if (error instanceof BadRegex) return { changes: [], refusal: { message: error.message } };
      throw error;
    }
  },
  examples: [
    {
      title: "A setting, replaced or added",
      yaml: "- lineinfile:\n    path: /etc/ssh/sshd_config\n    regexp: '^#?PermitRootLogin'\n    line: PermitRootLogin no",
    },
    {
      title: "Behind a section's head",
      yaml: "- lineinfile:\n    path: /etc/app.ini\n    insertafter: '^\\[main\\]'\n    line: debug=0",
    },
    {
      title: "A line that shall be gone",
      yaml: "- lineinfile:\n    path: /etc/hosts\n    search_string: old.example\n    state: absent",
    },
  ],
});

function wishOf(params: {
  readonly line: string | undefined;
  readonly regexp: string | undefined;
  readonly search_string: string | undefined;
  readonly insertafter: string | undefined;
  readonly insertbefore: string | undefined;
  readonly backrefs: boolean;
  readonly firstmatch: boolean;
}) {
  return {
    line: params.line ?? "",
    regexp: params.regexp,
    searchString: params.search_string,
    insertAfter: params.insertafter,
    insertBefore: params.insertbefore,
    hasBackrefs: params.backrefs,
    isFirstMatch: params.firstmatch,
  };
}

function emptyPattern(regexp: string | undefined, searchString: string | undefined): readonly string[] {
  if (regexp !== "" && searchString !== "") return [];
  const name = regexp === "" ? "regular expression" : "search string";
  const way = regexp === "" ? " If that is wanted, write '^' to match every line without this warning." : "";
  return [
    `The ${name} is empty, which matches every line: the last line is replaced where one may expect a new one.${way}`,
  ];
}
