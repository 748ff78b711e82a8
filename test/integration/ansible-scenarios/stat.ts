// Scenarios of the module stat.

import type { Scenario, Step } from "./scenario.js";
import { step } from "./scenario.js";

const stat = (params: Step["params"], more: Partial<Step> = {}): Step => step("stat", params, false, more);
const kinds = {
  "stat.isdir": false,
  "stat.ischr": false,
  "stat.isblk": false,
  "stat.isreg": false,
  "stat.isfifo": false,
  "stat.islnk": false,
  "stat.issock": false,
};
const hello = "2aae6c35c94fcfb415dbe95f408b9ce91ee846ed";

export const scenarios: readonly Scenario[] = [
  {
    name: "a file",
    start: { "/t/foo.txt": { content: "hello world", mode: 0o644, mtime: 1000, atime: 2000 } },
    steps: [
      stat(
        { path: "/t/foo.txt" },
        {
          result: {
            ...kinds,
            "stat.exists": true,
            "stat.path": "/t/foo.txt",
            "stat.isreg": true,
            "stat.mode": "0644",
            "stat.size": 11,
            "stat.uid": 0,
            "stat.gid": 0,
            "stat.pw_name": "root",
            "stat.gr_name": "root",
            "stat.nlink": 1,
            "stat.mtime": 1000,
            "stat.checksum": hello,
            "stat.rusr": true,
            "stat.wusr": true,
            "stat.xusr": false,
            "stat.rgrp": true,
            "stat.wgrp": false,
            "stat.xgrp": false,
            "stat.roth": true,
            "stat.woth": false,
            "stat.xoth": false,
            "stat.isuid": false,
            "stat.isgid": false,
            "stat.readable": true,
            "stat.writeable": true,
            "stat.executable": false,
          },
        },
      ),
    ],
  },
  {
    name: "a link itself",
    start: { "/t/foo.txt": "hello world", "/t/foo-link": { target: "/t/foo.txt" } },
    steps: [
      stat(
        { path: "/t/foo-link" },
        {
          result: {
            ...kinds,
            "stat.exists": true,
            "stat.islnk": true,
            "stat.mode": "0777",
            "stat.lnk_target": "/t/foo.txt",
            "stat.lnk_source": "/t/foo.txt",
            "stat.checksum": undefined,
          },
        },
      ),
    ],
  },
  {
    name: "what a link leads to",
    start: { "/t/foo.txt": "hello world", "/t/foo-link": { target: "/t/foo.txt" } },
    steps: [
      stat(
        { path: "/t/foo-link", follow: true },
        { result: { ...kinds, "stat.isreg": true, "stat.checksum": hello, "stat.lnk_target": undefined } },
      ),
    ],
  },
  {
    name: "a name with a colon, with type and encoding by the tree's own file command",
    start: { "/t/foo:bar.txt": "hello world" },
    programs: ["file"],
    steps: [
      stat(
        { path: "/t/foo:bar.txt", follow: true },
        { result: { "stat.mimetype": "text/plain", "stat.charset": "us-ascii" } },
      ),
    ],
  },
  { name: "nothing", steps: [stat({ path: "/t/none" }, { result: { stat: { exists: false } } })] },
  {
    name: "a directory",
    start: { "/t/d": { type: "directory", mode: 0o2750, uid: 1, gid: 2 } },
    steps: [
      stat(
        { path: "/t/d/" },
        {
          result: {
            ...kinds,
            "stat.isdir": true,
            "stat.mode": "2750",
            "stat.isgid": true,
            "stat.pw_name": "daemon",
            "stat.gr_name": "bin",
            "stat.checksum": undefined,
            "stat.executable": true,
          },
        },
      ),
    ],
  },
  {
    name: "other digests, and none",
    start: { "/t/f": "hello world" },
    steps: [
      stat(
        { path: "/t/f", checksum_algorithm: "sha256" },
        { result: { "stat.checksum": "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9" } },
      ),
      stat(
        { path: "/t/f", checksum_algorithm: "md5" },
        { result: { "stat.checksum": "5eb63bbbe01eeed093cb22bb8f5acdc3" } },
      ),
      stat(
        { path: "/t/f", checksum: "sha224" },
        { result: { "stat.checksum": "2f05477fc24bb4faefd86517156dafdecec45b8ad3cf2522a563582b" } },
      ),
      stat({ path: "/t/f", get_checksum: false }, { result: { "stat.checksum": undefined } }),
    ],
  },
  {
    name: "a link that leads nowhere: itself, and followed",
    start: { "/t/broken": { target: "nowhere" } },
    steps: [
      stat(
        { path: "/t/broken" },
        { result: { "stat.islnk": true, "stat.lnk_target": "nowhere", "stat.readable": false } },
      ),
      stat({ path: "/t/broken", follow: true }, { result: { "stat.exists": false } }),
    ],
  },
  {
    name: "an id without a name",
    start: { "/t/f": { content: "", uid: 54321, gid: 54322 } },
    steps: [
      stat({ path: "/t/f" }, { result: { "stat.uid": 54321, "stat.pw_name": undefined, "stat.gr_name": undefined } }),
    ],
  },
  {
    name: "without mime and attributes their keys are not there",
    start: { "/t/f": "" },
    steps: [
      stat(
        { path: "/t/f", get_mime: false, get_attributes: false },
        { result: { "stat.mimetype": undefined, "stat.attr_flags": undefined, "stat.exists": true } },
      ),
    ],
  },
  {
    name: "a slash at the end: a link to a directory is the directory",
    start: { "/t/d": { type: "directory" }, "/t/ld": { target: "d" }, "/t/lb": { target: "nowhere" } },
    steps: [
      stat({ path: "/t/ld/" }, { result: { "stat.isdir": true, "stat.islnk": false, "stat.path": "/t/ld/" } }),
      stat({ path: "/t/ld" }, { result: { "stat.isdir": false, "stat.islnk": true } }),
      stat({ path: "/t/d/" }, { result: { "stat.isdir": true } }),
      stat({ path: "/t/lb/" }, { result: { "stat.exists": false } }),
    ],
  },
  {
    name: "a file asked for as a directory is not there",
    start: { "/t/f": "x", "/t/lf": { target: "f" } },
    steps: ["/t/f/", "/t/lf/", "/t/f/x"].map((path) => stat({ path }, { result: { "stat.exists": false } })),
    differs: "Ansible fails with the bare words Not a directory",
  },
];
