// The agent as the payload of a systemd-nspawn container.
#ifndef CRUN_NSPAWN_H
#define CRUN_NSPAWN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"

struct nspawn {
  pid_t pid;
  int messages; // what systemd-nspawn says, read end; of the caller
};

// Starts systemd-nspawn on a tree, bound by its descriptor under its name in a mount namespace of its own, with the agent as its PID 1 and the control socket as the agent's stdin. No settings
// file of the tree's is read, nothing is registered; on a host with systemd it gets a scope of its own. What
// systemd-nspawn does to a tree it does here too: it makes missing directories (/proc, /sys, /dev, /run, /tmp). It
// reads resolv.conf from the host where the tree has one as a regular file.
int nspawn_start(struct nspawn *out, const char *name, int root, int control, struct err *err);

// What root of the tree keeps there: what root of an entered tree has (drop.h), as with SYS_ADMIN it could take the
// masks away. Where no systemd keeps the host's devices from it it has no MKNOD, and the tree opens no device.
uint64_t nspawn_capabilities(void);

#endif
