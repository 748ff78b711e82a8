// A tree from an archive of all its files.

import type { ParamSpecs } from "../../module/param.js";
import { bytesOf } from "../image/byte-size.js";
import { commonScript } from "../image/common-script.js";
import { fetchScript } from "../image/fetch-script.js";
import {
  originIdentity,
  originIncidental,
  originParams,
  originProblem,
  originSteps,
  originWarnings,
} from "../image/origin.js";
import { scriptSpec } from "../image/script.js";
import { toldRefusal, toldWarnings } from "../image/told.js";
import { unpackScript } from "../image/unpack-script.js";
import { programOnHost } from "../program.js";
import { defineSource } from "../source.js";

const params = {
  ...originParams,
  strip_components: {
    type: "int",
    default: 0,
    doc: "Leading directories of each name that are left out, as for an archive with all of it in one directory.",
  },
  devices: {
    type: "bool",
    default: false,
    doc: "Make the device nodes that it holds. Without it they are left out, with a warning.",
  },
} as const satisfies ParamSpecs;

const main = String.raw`
begin
get
check_sum
check_signature
unpacked "$got" "$label"
prepare
unpack 1
finish
`;

export const tarball = defineSource({
  name: "tarball",
  summary: "a tar archive of a root file system (gzip, xz, zstd, bzip2 or not compressed)",
  withoutRoot: { takes: "one id" },
  params,
  incidental: originIncidental,
  examples: [
    {
      title: "A tree from an archive that is fetched and checked",
      yaml:
        "tree:\n  name: base\n  tarball:\n    url: https://images.example.org/bookworm.tar.xz\n" +
        `    checksum: sha256:${"0123456789abcdef".repeat(4)}`,
    },
    {
      title: "A tree from a file of the controller",
      yaml: "tree:\n  name: base\n  tarball:\n    path: /srv/root.tar.zst",
    },
  ],
  check: (given) =>
    originProblem(given) ?? (given.strip_components < 0 ? "strip_components must not be negative" : undefined),
  identity: (given, { context }) => originIdentity(given, context.sources["tarball.src"]),
  observe: () => ({}),
  fill: (given, _seen, into, { context }) => {
    const { changes, variables, credentials } = originSteps(given, context.sources["tarball.src"], into);
    const spec = scriptSpec(
      [commonScript, fetchScript, unpackScript, main],
      {
        ...variables,
        INTO: into,
        KIND: "plain",
        MAX_SIZE: String(bytesOf(given.max_size) ?? 0),
        ...(given.strip_components > 0 ? { STRIP: String(given.strip_components) } : {}),
        ...(given.devices ? { DEVICES: "yes" } : {}),
      },
      { credentials },
    );
    return {
      changes: [...changes, programOnHost(spec)],
      warnings: originWarnings(given),
      explain: (_index, outcome) => toldRefusal("unpacking", outcome),
      tell: (outcomes) => toldWarnings(outcomes.at(-1)),
    };
  },
});
