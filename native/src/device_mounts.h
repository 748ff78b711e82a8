// The small /dev of an entered tree.
#ifndef CRUN_DEVICE_MOUNTS_H
#define CRUN_DEVICE_MOUNTS_H

#include <sys/types.h>

#include "error.h"
#include "messages.h"

// An O_PATH descriptor of a character device of the outer /dev, its number verified.
int open_device(const char *name, dev_t number, struct err *err);

// A tmpfs on the tree's /dev with null zero full random urandom tty, pts, ptmx, shm, fd, stdin, stdout, stderr. Devices
// open in no other place: the tmpfs is nodev, each node is a mount of its own. `dev` gets its root, or -1 where the
// tree has no /dev.
int mount_devices(int root, int *dev, struct err *err);

// In a mount namespace of the caller's own from now on: the devices of the spec can be opened at their paths, by
// everyone. Only where /dev is the entry's own (`has_own_dev`); needs the right to make device nodes.
int mount_allowed_devices(const struct exec_spec *spec, bool has_own_dev, struct err *err);

#endif
