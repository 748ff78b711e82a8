// The files of an exec: scripts and command shims, laid where the process finds them and never into the tree.
#ifndef CRUN_FILES_H
#define CRUN_FILES_H

#include <stdbool.h>

#include "error.h"
#include "messages.h"

#define FILES_DIRECTORY_MAX 64

// In a mount namespace of the caller's own, made here: a fresh tmpfs on crun/ in the first private scratch directory
// (/run; with `may_use_others` also /tmp and /dev where the tree has no /run). They are gone with the last process that
// sees them.
int files_lay_private(const struct exec_spec *spec, bool may_use_others, char *directory, struct err *err);

// In a running machine, or on the host: a fresh directory beneath /run (where that is not ours to write to, /run/user/UID, /tmp,
// /var/tmp or /dev/shm), which files_remove takes away.
int files_lay_shared(const struct exec_spec *spec, char *directory, struct err *err);
void files_remove(const char *directory);

#endif
