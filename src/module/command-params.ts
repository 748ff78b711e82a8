// Parameters and results that command and shell have in common.

/** Where it runs, and whether it has to. */
export const runParams = {
  chdir: { type: "path", doc: "The directory to run in." },
  creates: { type: "path", doc: "Do not run where this path (wildcards allowed) exists." },
  removes: { type: "path", doc: "Do not run where this path (wildcards allowed) does not exist." },
} as const;

/** What goes in, and how what comes out is registered. */
export const streamParams = {
  stdin: { type: "str", doc: "Text for its standard input." },
  stdin_add_newline: { type: "bool", default: true, doc: "End stdin with a newline." },
  strip_empty_ends: {
    type: "bool",
    default: true,
    doc: "Cut empty lines off the end of stdout and stderr in the result.",
  },
} as const;

export const commandReturns = {
  rc: "Exit status; negative: the signal that killed it; null: its directory cannot be entered.",
  stdout: "Its output, and stdout_lines.",
  stderr: "Its error output, and stderr_lines.",
  start: "When it began, end, and delta.",
};
