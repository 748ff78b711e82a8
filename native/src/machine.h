// Running machines: finding the leader of the one whose root is a tree, and joining it.
#ifndef CRUN_MACHINE_H
#define CRUN_MACHINE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"
#include "messages.h"

// A leader is PID 1 of a PID namespace that is not ours, whose root is the tree (device and inode). It is pinned by its
// directory in /proc, which never shows another process, and by a pidfd where the kernel has them.
struct leader {
  pid_t pid;
  int process; // its /proc/PID; of leader_close
  int pidfd;   // -1: kernel before 5.3
  int root;    // O_PATH of its root
  uint64_t bounding;
  bool no_new_privileges;
  struct machine_info info;
};

// 1: found; 0: no machine runs on this tree; -1: an error. First what machined has registered (/run/systemd/machines),
// then, unless `is_registered_only`, all of /proc: a machine started with --register=no is found too. Entries of other
// crun runs are none.
int leader_find(struct leader *out, int root, const char *tree_name, bool is_registered_only, struct err *err);
void leader_close(struct leader *leader);

// The calling process becomes a visitor of the machine: its cgroups and resource limits, then all of its namespaces
// that differ from ours (the PID namespace for children only, so that the machine never sees the caller), root's ids
// there, its root, and no more capabilities than the leader may have. What setns cannot give: the machine's seccomp
// filter. `pidfd` may be -1.
int machine_join(int process, int root, int pidfd, uint64_t bounding, bool no_new_privileges, struct err *err);

#endif
