// Helpers for paths and addresses of files. They look at text alone.

import { posix } from "node:path";
import { helper, listArgument, textArgument, type HelperTable } from "./definition.js";

export const pathHelpers: HelperTable = {
  basename: helper("path", "What stands after the last slash.", ([path]) => {
    const text = textArgument(path);
    return text.slice(text.lastIndexOf("/") + 1);
  }),
  dirname: helper("path", "What stands before the last slash.", ([path]) => {
    const text = textArgument(path);
    const head = text.slice(0, text.lastIndexOf("/") + 1);
    return head === "" || /^\/+$/.test(head) ? head : head.replace(/\/+$/, "");
  }),
  splitext: helper("path", "The path without its extension, and the extension.", ([path]) => {
    const text = textArgument(path);
    const extension = posix.extname(text);
    return [text.slice(0, text.length - extension.length), extension];
  }),
  relpath: helper(
    "path [start]",
    "The path as seen from `start`.",
    ([path, start]) => posix.relative(textArgument(start ?? "."), textArgument(path)) || ".",
  ),
  path_join: helper(
    "parts ...",
    "The parts (or a list of them) with slashes between; an absolute one begins anew.",
    (args) => {
      const parts = (args.length === 1 && Array.isArray(args[0]) ? listArgument(args[0]) : args).map((one) =>
        textArgument(one),
      );
      return parts.reduce(
        (all, part) => (part.startsWith("/") ? part : all === "" || all.endsWith("/") ? all + part : `${all}/${part}`),
        "",
      );
    },
  ),
  normpath: helper("path", "Without `.`, `..` and doubled slashes.", ([path]) =>
    posix.normalize(textArgument(path)).replace(/(?<=.)\/$/, ""),
  ),
};
