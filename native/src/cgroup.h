// Control groups of a process, as the host sees them.
#ifndef CRUN_CGROUP_H
#define CRUN_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "error.h"

// The path beneath the cgroup mount: of cgroup2, or where that is unused (`/`) of the systemd hierarchy. `process` is a
// /proc/PID. Empty if it cannot be read.
void cgroup_of_process(int process, char *out, size_t capacity);

// Moves the caller into each cgroup of the process that is not its own already. Fails if one cannot be joined: its
// limits would not hold.
int cgroup_join_of_process(int process, struct err *err);

// One write(2) to a file of a cgroup; its failures, and those of others that limit a process, have the step "limit".
int cgroup_write(const char *path, const void *value, size_t length, struct err *err);

// Moves a process into the cgroup of a directory.
int cgroup_place(const char *directory, pid_t pid, struct err *err);

// A cgroup for a process with a limit on how many there are of it, beside the caller's own; where systemd runs that is
// systemd's work, whose units and sessions have one. `out` gets its directory; whoever asked removes it once the process
// is gone. False: there is no such cgroup to be had.
bool cgroup_limit_tasks(pid_t pid, uint32_t tasks, char *out, size_t capacity);

#endif
