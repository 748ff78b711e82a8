// The module stat: what lies at a path.

import { defineModule } from "../src/module/contract.js";
import { accountProbes, readAccounts } from "../src/module/ownership.js";
import type { DigestName, ExecProbe, HashProbe, StatProbe } from "../src/module/probe.js";
import { accessFields, flagFields, mimeFields, statFields } from "../src/module/stat-fields.js";
import { checkAbsolute, hasSlash, tidyPath } from "../src/module/tree-path.js";
import { reasonOf } from "../src/module/failure-text.js";

const fileCommand = "/usr/bin/file";

export default defineModule({
  name: "stat",
  summary: "Tells what lies at a path",
  doc: "Changes nothing. Everything is under `stat` in the registered result, as `result.stat.exists`. A path that is not there is no error.",
  params: {
    path: { type: "path", required: true, aliases: ["dest", "name"], doc: "An absolute path in the tree." },
    follow: { type: "bool", default: false, doc: "Tell of what a link leads to, not of the link." },
    get_checksum: { type: "bool", default: true, doc: "Also a digest of a regular file's content." },
    checksum_algorithm: {
      type: "str",
      default: "sha1",
      choices: ["md5", "sha1", "sha224", "sha256", "sha384", "sha512"],
      aliases: ["checksum", "checksum_algo"],
      doc: "Which digest.",
    },
    get_md5: { type: "bool", default: false, doc: "Also `md5`, for old playbooks." },
    get_mime: {
      type: "bool",
      default: true,
      aliases: ["mime", "mime_type", "mime-type"],
      doc: "Also type and encoding, by the tree's own `file` if it has it.",
    },
    get_attributes: {
      type: "bool",
      default: true,
      aliases: ["attr", "attributes"],
      doc: "Also the file flags (chattr).",
    },
  },
  returns: { stat: "What was found, under Ansible's names; `exists` is always there." },
  check: (params) => checkAbsolute("path", params.path),
  observe(params) {
    const path = tidyPath(params.path);
    const follow = isFollowed(params);
    const algorithms = new Set<DigestName>([
      ...(params.get_checksum ? [params.checksum_algorithm] : []),
      ...(params.get_md5 ? (["md5"] as const) : []),
    ]);
    const self: StatProbe = {
      kind: "stat",
      path,
      follow,
      isExact: true,
      ...(params.get_attributes ? { withFlags: true } : {}),
    };
    const target: StatProbe = { kind: "stat", path, follow: true };
    const hash: readonly HashProbe[] =
      algorithms.size === 0 ? [] : [{ kind: "hash", path, follow, algorithms: [...algorithms] }];
    const command: readonly StatProbe[] = params.get_mime ? [{ kind: "stat", path: fileCommand, follow: true }] : [];
    return { ...accountProbes, self, target, hash, command };
  },
  observeMore(params, seen): { readonly mime: readonly ExecProbe[] } {
    const isThere = seen.command[0]?.stat?.type === "file" && seen.self.stat !== undefined;
    const argv = [
      fileCommand,
      "--mime-type",
      "--mime-encoding",
      ...(isFollowed(params) ? ["-L"] : []),
      tidyPath(params.path),
    ];
    return { mime: isThere ? [{ kind: "exec", exec: { argv }, reads: [tidyPath(params.path)] }] : [] };
  },
  plan(params, seen, context) {
    const { stat, failure } = seen.self;
    if (failure) return { changes: [], refusal: { message: `cannot look at ${params.path}: ${reasonOf(failure)}` } };
    const isNone = !stat || (hasSlash(params.path) && stat.type !== "directory");
    if (isNone) return { changes: [], result: { stat: { exists: false } } };
    const accounts = readAccounts(seen);
    const digests = seen.hash[0]?.digests ?? {};
    const checksum = params.get_checksum ? digests[params.checksum_algorithm] : undefined;
    const user = accounts.userNames.get(stat.uid);
    const group = accounts.groupNames.get(stat.gid);
    const fields = {
      exists: true,
      path: params.path,
      ...statFields(stat),
      ...accessFields(seen.target.stat, context.becomeUser, accounts),
      ...(stat.type === "link"
        ? { lnk_source: seen.target.real || tidyPath(params.path), lnk_target: stat.target }
        : {}),
      ...(user === undefined ? {} : { pw_name: user }),
      ...(group === undefined ? {} : { gr_name: group }),
      ...(params.get_md5 && digests.md5 !== undefined ? { md5: digests.md5 } : {}),
      ...(checksum === undefined ? {} : { checksum }),
      ...(params.get_mime ? mimeFields(seen.mime[0]) : {}),
      ...(params.get_attributes ? flagFields(stat) : {}),
    };
    return { changes: [], result: { stat: fields } };
  },
  examples: [
    {
      title: "Whether a file is there",
      yaml: "- stat:\n    path: /etc/nginx\n  register: nginx\n- debug:\n    msg: it is a directory\n  when: nginx.stat.exists && nginx.stat.isdir",
    },
    {
      title: "A digest",
      yaml: "- stat:\n    path: /etc/passwd\n    checksum_algorithm: sha256\n    get_mime: false\n  register: passwd",
    },
  ],
});

/** With a slash at the end a path means the directory, through a link, too. */
function isFollowed(params: { readonly path: string; readonly follow: boolean }): boolean {
  return params.follow || hasSlash(params.path);
}
