// Mounts by descriptor: no path string below a tree is ever resolved for one, and each is verified after it was made.
#ifndef CRUN_MOUNTS_H
#define CRUN_MOUNTS_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"

// A place to mount on: a name in a directory that is open already, and what it was when it was opened.
struct target {
  int parent;       // borrowed
  const char *name; // one component
  int fd;           // O_PATH; of target_close
  // Where a link was followed: what was opened beneath `root` (borrowed); else NULL.
  const char *linked;
  int root;
};

enum target_type { TARGET_DIRECTORY, TARGET_FILE };

// 1: open; 0: there is no such thing; -1: it is a link or of another type, or an error.
int target_open(struct target *out, int parent, const char *name, enum target_type type, struct err *err);
void target_close(struct target *place);
#define auto_target __attribute__((cleanup(target_close)))

// A new file system at a place: options are pairs of key and value (NULL value: a flag), NULL at the end; attributes
// KERNEL_ATTR_…. Verified: the name leads to a mount of that file system with these attributes. Returns the O_PATH root of the mount, or -1.
int mount_fresh(const struct target *at, const char *type, long magic, const char *const *options, unsigned attributes,
                struct err *err);

// The file or directory of `source` at a place, with the attributes added. Verified: the name leads to that mount,
// of the same device and inode, with the attributes. Returns the O_PATH root of the mount, or -1. `is_recursive`: with the mounts below it.
int mount_bind(int source, const struct target *at, bool is_recursive, unsigned attributes, struct err *err);

// Adds attributes to a mount, given its root.
int mount_restrict(int mount, unsigned attributes, struct err *err);

// The working directory becomes a mount of its own (with all below it), with the attributes on each. `path` is only
// looked at by kernels without open_tree, and compared by device and inode. Returns its O_PATH root, or -1.
int mount_tree_on_itself(const char *path, unsigned attributes, struct err *err);

// Nothing mounted from here on is seen outside, nor the other way round.
int mount_make_private(struct err *err);

#endif
