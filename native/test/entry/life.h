// Watching processes of an entry from the host.
#ifndef CRUN_ENTRY_LIFE_H
#define CRUN_ENTRY_LIFE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

bool ends_within(pid_t pid, int ms);
// The pid on the host of a process whose command line starts so, whose root this is, and (not 0) whose parent; 0 if
// there is none.
pid_t host_pid_of(const char *mark, const char *root, pid_t parent);
// This program anew in a role; its stdout.
pid_t start_role(const char *role, const char *first, const char *second, FILE **says);
// All that a role says until it ends; of the caller.
char *all_of(FILE *says, pid_t pid);
int life_role(const char *role, int count, char **arguments);
// Kills a worker while a process and a daemon run in its entry.
void check_killed_worker(uint8_t kind, const char *path, bool has_daemon);

#endif
