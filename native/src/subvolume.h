// What the changes share of btrfs subvolumes.
#ifndef CRUN_SUBVOLUME_H
#define CRUN_SUBVOLUME_H

#include <stdbool.h>

#include "place.h"

// Whether a directory is the root of a subvolume.
bool is_subvolume(int fd);

// 0: it may be written to, 1: it is read-only; -1 and errno.
int subvolume_is_read_only(int fd);

// Opens a subvolume by its name in another directory: no link, no mount. -1 and errno; EXDEV where it is none.
int open_subvolume(const struct root *root, int parent, const char *name);

// Removes a subvolume with all that is beneath it, in the time of a few system calls: other subvolumes and those that
// are read-only, too. `parent` is no O_PATH descriptor. -1 and errno: some of those beneath it may be gone.
int subvolume_destroy(const struct root *root, int parent, const char *name);

#endif
