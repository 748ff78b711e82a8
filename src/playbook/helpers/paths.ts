// Helpers for paths and addresses of files. They look at text alone.

import { posix } from "node:path";
import { helper, HelperError, listArgument, predicate, textArgument, type HelperTable } from "./definition.js";
import { trimEndOf } from "../../module/trim.js";

function commonPath(paths: readonly string[]): string {
  const [first, ...others] = paths.map((path) => path.split("/").filter((part) => part !== "" && part !== "."));
  if (!first) throw new HelperError("the list is empty");
  const isAbsolute = paths.some((path) => path.startsWith("/"));
  if (isAbsolute && !paths.every((path) => path.startsWith("/")))
    throw new HelperError("paths with and without a slash at their beginning have nothing in common");
  const end = first.findIndex((part, index) => !others.every((one) => one[index] === part));
  return (isAbsolute ? "/" : "") + (end === -1 ? first : first.slice(0, end)).join("/");
}

export const pathHelpers: HelperTable = {
  basename: helper("path", "What stands after the last slash.", ([path]) => {
    const text = textArgument(path);
    return text.slice(text.lastIndexOf("/") + 1);
  }),
  dirname: helper("path", "What stands before the last slash.", ([path]) => {
    const text = textArgument(path);
    const head = text.slice(0, text.lastIndexOf("/") + 1);
    return head === "" || /^\/+$/.test(head) ? head : trimEndOf(head, "/");
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
  commonpath: helper("paths", "The path that all of them have in common.", ([paths]) =>
    commonPath(listArgument(paths).map((one) => textArgument(one))),
  ),
  is_abs: predicate("path", "It begins with a slash.", ([path]) => textArgument(path).startsWith("/")),
  normpath: helper("path", "Without `.`, `..` and doubled slashes.", ([path]) =>
    posix.normalize(textArgument(path)).replace(/(?<=.)\/$/, ""),
  ),
};
