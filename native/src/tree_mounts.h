// What a process sees in a tree besides the tree itself: proc, sys, dev, run, tmp, resolv.conf.
#ifndef CRUN_TREE_MOUNTS_H
#define CRUN_TREE_MOUNTS_H

#include <stdbool.h>

#include "error.h"

// Both work in a mount and PID namespace of their own, with the tree as working directory, and end with the tree as
// root (`/`). `proc` gets the descriptor of the fresh /proc, or -1 where the tree has no such directory. Nothing is
// written to the tree: a mount whose directory is missing is left out; where /proc, /sys or /dev is no directory, the
// entry is refused.

// unshare: fresh proc with masks, read-only sysfs, a small /dev, own /run and /tmp, the host's resolv.conf; the old
// root is gone, and no mount of the tree opens devices.
int tree_enter_isolated(const char *root_path, int *proc, struct err *err);

// chroot: as an administrator's chroot would have it: the host's /dev (all of it), a fresh proc without masks, a
// writable sysfs, the tree's own /tmp. Only /run is private, because crun's files live there. The old root stays
// mounted: root can leave a chroot.
int tree_enter_chroot(const char *root_path, int *proc, struct err *err);

// Parts of a procfs and sysfs (their roots, or -1) that reach the host are hidden or read-only, each verified.
int tree_mask(int proc, int sys, struct err *err);

#endif
