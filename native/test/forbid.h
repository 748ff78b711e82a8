// Makes system calls unknown to a process and all that it starts, as an older kernel or a filter around it does.
#ifndef CRUN_TEST_FORBID_H
#define CRUN_TEST_FORBID_H

#include <stddef.h>

// By their names, separated by commas: openat2, statx, renameat, … They fail with ENOSYS from then on; with `!` after the
// name, who calls it is killed at once, before anything was done. O_TMPFILE stands for files without a name. Ends the process (status 127) where a name is not known
// or the kernel does not take the filter: a test must not pass without it.
void forbid_calls(const char *names);

#endif
