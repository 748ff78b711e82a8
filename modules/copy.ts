// The module copy: files and directories of the controller, or of the tree itself, and content given in the task.

import { defineModule } from "../src/module/contract.js";
import { directoryPlacements, directoryProbes, planDirectoryCopy } from "../src/module/copy-directory.js";
import {
  inTreeMoreProbes,
  inTreePlacement,
  inTreeProbes,
  planInTreeDirectory,
  refuseSource,
} from "../src/module/copy-in-tree.js";
import { digestsOf, directoryOf, inTreeDigests, placementOf, refuseLocal } from "../src/module/copy-source.js";
import { checkFileParams } from "../src/module/file-params.js";
import { accountProbes, readAccounts } from "../src/module/ownership.js";
import { goalOf, planOnePlacement } from "../src/module/place-file.js";
import { placeParams, placeReturns } from "../src/module/place-params.js";
import { goalProbes, insideProbes, insideSeen } from "../src/module/place-probes.js";
import { checkAbsolute } from "../src/module/tree-path.js";
import { checkValidate } from "../src/module/validate-command.js";

const noDirectorySum = {
  message: "checksum is of a file's content, and src is a directory",
  remedy: "Copy the file alone, or leave checksum out.",
};

export default defineModule({
  name: "copy",
  summary: "Copies files and directories into the tree, or writes content given in the task",
  doc:
    "`src` is looked up in the role's files/, then beside the playbook. A directory is copied with all beneath it: itself, or only what it holds if `src` " +
    "ends with a slash. With `remote_src` both ends lie in the tree. Only what differs is sent.",
  params: {
    ...placeParams,
    src: {
      type: "path",
      doc: "File or directory to copy.",
      source: { folder: "files", unless: "remote_src", followsLinks: "local_follow", decryptedBy: "decrypt" },
    },
    content: { type: "content", doc: "The file's content, instead of `src`. A structure becomes JSON." },
    directory_mode: {
      type: "mode",
      doc: "Permissions of directories that are made, and of those beneath a copied directory.",
    },
    remote_src: { type: "bool", default: false, doc: "`src` is a path in the tree." },
    local_follow: {
      type: "bool",
      doc: "Copy what links in a source directory lead to, not the links. Default true, with `remote_src` false.",
    },
    checksum: { type: "str", doc: "SHA-1 that the source must have." },
    decrypt: { type: "bool", default: true, doc: "Open files of the source that are encrypted by vault." },
  },
  rules: { mutuallyExclusive: [["src", "content"]], requiredOneOf: [["src", "content"]] },
  returns: placeReturns,
  check(params) {
    if (params.src === "") return "src (or content) is required";
    if (params.content !== undefined && params.dest.endsWith("/")) return "can not use content with a dir as dest";
    if (params.content !== undefined && params.mode === "preserve")
      return "mode: preserve takes the mode of src, and content has none";
    if (params.content !== undefined && params.remote_src) return "remote_src needs src, not content";
    const modes = checkFileParams(params) ?? checkFileParams({ mode: params.directory_mode });
    const paths =
      checkAbsolute("dest", params.dest) ?? (params.remote_src ? checkAbsolute("src", params.src) : undefined);
    return modes ?? paths ?? checkValidate(params.validate);
  },
  observe(params, context) {
    const source = directoryOf(params, context);
    const place = placementOf(params, context);
    const places = source ? directoryPlacements(params, source) : place ? [place] : [];
    const goals = places.map((one) => goalOf(one));
    return {
      ...accountProbes,
      ...goalProbes(goals, params, context),
      ...directoryProbes(params, source),
      ...inTreeProbes(params),
    };
  },
  observeMore(params, seen, context) {
    const isInside = seen.targets[0]?.stat?.type === "directory" && params.content === undefined;
    const place = inTreePlacement(params, seen) ?? (isInside ? placementOf(params, context, true) : undefined);
    return {
      ...insideProbes(place ? goalProbes([goalOf(place)], params, context) : undefined),
      ...inTreeMoreProbes(params, seen),
    };
  },
  plan(params, seen, context) {
    const accounts = readAccounts(seen);
    const source = directoryOf(params, context);
    const isDirectory = source !== undefined || (params.remote_src && seen.from[0]?.stat?.type === "directory");
    if (isDirectory && params.checksum !== undefined) return { changes: [], refusal: noDirectorySum };
    if (source) return planDirectoryCopy(params, source, seen, accounts, context);
    const refusal = params.remote_src
      ? refuseSource(params, seen)
      : refuseLocal(params, seen.targets[0]?.stat?.type === "directory");
    if (refusal) return { changes: [], refusal };
    if (isDirectory) return planInTreeDirectory(params, seen, accounts, context);
    const isInside = seen.targets[0]?.stat?.type === "directory";
    const place = inTreePlacement(params, seen) ?? placementOf(params, context, isInside);
    if (!place) return { changes: [], refusal: { message: "src (or content) is required" } };
    const digests = inTreeDigests(seen.from[0]?.digests) ?? digestsOf(params, context);
    if (params.checksum !== undefined && params.checksum !== digests.checksum) {
      const result = { checksum: digests.checksum, expected_checksum: params.checksum };
      return {
        changes: [],
        refusal: { message: "Copied file does not match the expected checksum. Transfer failed.", result },
      };
    }
    const plan = planOnePlacement(
      params,
      place,
      params.remote_src || isInside ? insideSeen(seen) : seen,
      accounts,
      context,
    );
    const src = params.remote_src ? params.src : context.sources.src?.path;
    return { ...plan, result: { ...(src === undefined ? {} : { src }), ...digests, ...plan.result } };
  },
  examples: [
    {
      title: "A file with its owner and mode",
      yaml: `- copy:
    src: motd
    dest: /etc/motd
    owner: root
    group: root
    mode: "0644"`,
    },
    {
      title: "Content from the task",
      yaml: `- copy:\n    content: "nameserver 192.0.2.1\\n"\n    dest: /etc/resolv.conf`,
    },
    {
      title: "What a directory holds",
      yaml: `- copy:\n    src: site/\n    dest: /var/www/site\n    directory_mode: "0755"`,
    },
    {
      title: "A file of the tree itself",
      yaml: `- copy:\n    src: /etc/skel/.bashrc\n    dest: /root/.bashrc\n    remote_src: true`,
    },
  ],
});
