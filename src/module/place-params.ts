// The parameters that copy and template share, and the results that they describe.

import { fileParams } from "./file-params.js";

/** Spread into the `params` of copy and template. */
export const placeParams = {
  ...fileParams,
  dest: {
    type: "path",
    required: true,
    doc: "Absolute path in the tree. A directory, or a path that ends with a slash, takes the file under its own name.",
  },
  mode: { ...fileParams.mode, doc: `${fileParams.mode.doc} \`preserve\` takes the source's.` },
  force: {
    type: "bool",
    default: true,
    doc: "Replace a file that is there with other content. `false`: only where there is none.",
  },
  backup: { type: "bool", default: false, doc: "Keep a copy of what is replaced, beside it." },
  validate: {
    type: "str",
    doc: "A command that runs in the tree before the file is put in place, with `%s` for the new content; if it fails nothing changes.",
  },
  follow: { type: "bool", default: false, doc: "Write through a link at `dest` instead of replacing it." },
} as const;

/** Keys that copy and template register. */
export const placeReturns = {
  dest: "Path of the file (or directory) in the tree.",
  src: "The source as it was found.",
  checksum: "SHA-1 of the content.",
  md5sum: "MD5 of the content.",
  backup_file: "Path of the copy that was kept of what was replaced.",
  mode: "Permissions afterwards, as `0644`.",
  owner: "Owner's name, or number where the tree has no name for it.",
  group: "Group's name or number.",
  uid: "Owner's number.",
  gid: "Group's number.",
  size: "Bytes.",
  state: "`file`, `hard`, `directory` or `link`.",
} as const;
