// Why the kernel took a file for no program (ENOEXEC).
#ifndef CRUN_FORMAT_H
#define CRUN_FORMAT_H

#include "error.h"

// Fails with ENOEXEC and says which file, or which interpreter of it, is for which architecture, or what it is instead.
// Looks at the files as whoever calls. Returns -1.
int fail_format(const char *path, struct err *err);

#endif
