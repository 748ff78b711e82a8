// A tree from the root file system of a disk image.

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
import { rawScript } from "../image/raw-script.js";
import { rootPartitionTypes } from "../image/root-partitions.js";
import { scriptSpec } from "../image/script.js";
import { toldRefusal, toldWarnings } from "../image/told.js";
import { unpackScript } from "../image/unpack-script.js";
import { programOnHost } from "../program.js";
import { defineSource } from "../source.js";

const params = {
  ...originParams,
  partition: {
    type: "str",
    doc: "The number or the name of the partition with the root file system. Default: the one whose type says so for the host's machine, else the only one of Linux.",
  },
  with: {
    type: "str",
    choices: ["auto", "mount", "dissect"],
    default: "auto",
    doc: "How the image is opened: dissect by systemd-dissect (which knows /usr partitions, verity and LUKS, too), mount by crun itself. auto: dissect where systemd runs and no partition is named; mount where that fails.",
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
mount_image
pack_disk
prepare
unpack 1
finish
`;

export const raw = defineSource({
  name: "raw",
  summary: "a disk image with a file system, bare or in a partition (compressed or not)",
  withoutRoot: {
    takes: "root",
    because: "file systems of disk images are mounted by root",
    instead: "Take an archive or an image (tarball, oci)",
  },
  params,
  incidental: [...originIncidental, "with"],
  examples: [
    {
      title: "A tree from a disk image",
      yaml:
        "tree:\n  name: base\n  raw:\n    url: https://images.example.org/cloud.raw.xz\n" +
        `    checksum: sha256:${"0123456789abcdef".repeat(4)}`,
    },
  ],
  check: (given) => originProblem(given),
  identity: (given, { context }) => originIdentity(given, context.sources["raw.src"]),
  observe: () => ({}),
  fill: (given, _seen, into, { context }) => {
    const { changes, variables, credentials } = originSteps(given, context.sources["raw.src"], into);
    const spec = scriptSpec(
      [commonScript, fetchScript, rawScript, unpackScript, main],
      {
        ...variables,
        INTO: into,
        KIND: "plain",
        MAX_SIZE: String(bytesOf(given.max_size) ?? 0),
        WITH: given.with,
        MACHINE: context.architecture,
        ROOT_TYPES: rootPartitionTypes,
        ...(given.partition === undefined ? {} : { PARTITION: given.partition }),
        ...(given.devices ? { DEVICES: "yes" } : {}),
      },
      { credentials },
    );
    return {
      changes: [...changes, programOnHost(spec)],
      warnings: originWarnings(given),
      explain: (_index, outcome) => toldRefusal("taking the files of the image", outcome),
      tell: (outcomes) => toldWarnings(outcomes.at(-1)),
    };
  },
});
