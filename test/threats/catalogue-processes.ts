// The catalogue's rows for processes in trees.

import type { ProcessWay, Cell, Row } from "./catalogue.js";

/** A row that concerns processes has a cell for each of their ways. */
const isHost: Cell = { none: "processes run on the host as they are" };
const isMachines: Cell = { none: "the machine's own mounts are there, crun makes none" };
const noSettings: Cell = { none: "this entry reads no settings" };
const noUsers: Cell = { none: "without subordinate ids there are no users to drop to" };
const every = {
  unshare: "test",
  chroot: "test",
  nspawn: "test",
  machine: "test",
  host: isHost,
  rootless: "test",
} as const;

/** A row that concerns processes has a cell for each of their ways. A test of chroot is of a user there: root is not held by it. */
export const processRows: readonly (Row & { readonly cells: Readonly<Record<ProcessWay, Cell>> })[] = [
  { row: 5, attack: "the helper's program overwritten (/proc/PID/exe, interpreters, maps)", cells: every },
  { row: 6, attack: "descriptors, working directories, roots, variables of others", cells: every },
  {
    row: 7,
    attack: "/dev, /proc, /sys, /run, /tmp, /etc as links, files, fifos, devices, missing",
    cells: { ...every, machine: isMachines },
  },
  { row: 8, attack: "procfs made up by the tree", cells: { ...every, machine: isMachines } },
  { row: 9, attack: "mount targets and resolv.conf swapped meanwhile", cells: { ...every, machine: isMachines } },
  { row: 10, attack: "libraries, services and locales of the tree's for whoever asks for a user", cells: every },
  {
    row: 11,
    attack: "accounts of the tree's that look like others",
    cells: { ...every, rootless: noUsers },
  },
  { row: 12, attack: "keys typed into the caller's terminal (TIOCSTI, TIOCLINUX)", cells: every },
  { row: 15, attack: "rights got back after the drop", cells: { ...every, rootless: noUsers } },
  { row: 16, attack: "mounts that spread to the host", cells: { ...every, machine: isMachines } },
  { row: 17, attack: "settings of the kernel, devices, release agents, handles, bpf, perf, faults", cells: every },
  { row: 18, attack: "processes, memory and namespaces of others, tracing", cells: every },
  { row: 22, attack: "frames, floods and silence where the helper speaks", cells: every },
  {
    row: 23,
    attack: "daemons and fork bombs outlive the run, or take the host",
    cells: {
      unshare: "test",
      chroot: "test",
      nspawn: "test",
      machine: { limit: "the end of daemons, which the machine keeps" },
      host: "test",
      rootless: "test",
    },
  },
  {
    row: 24,
    attack: "settings shipped with a tree (NAME.nspawn, drop-ins)",
    cells: {
      unshare: noSettings,
      chroot: noSettings,
      nspawn: "test",
      machine: { none: "it runs already, as its administrator has set it" },
      host: isHost,
      rootless: noSettings,
    },
  },
];
