// How processes get into a tree: one entry per tree and run, made when the first process needs it.
#ifndef CRUN_ENTRY_H
#define CRUN_ENTRY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"
#include "messages.h"

struct entry;

struct entry_config {
  int root_fd;           // O_PATH directory of the tree; borrowed for the entry's life
  const char *root_path; // its canonical path on the host; borrowed
  const char *tree_name; // last part of that path, or "host"; borrowed
  uint8_t kind;          // enum entry_kind
  bool is_host_root;     // processes run on the host as they are
};

// What status_fd brings, once, when the process has ended and was reaped: one write of this very struct, then end of file.
// End of file without it means that the process was lost (reaper killed).
struct process_status {
  uint8_t kind;   // EXIT_EXITED, EXIT_SIGNALED or EXIT_NOT_STARTED
  uint32_t value; // exit status or signal number
  uint32_t cpu_ms;
  struct err failure; // for EXIT_NOT_STARTED
};

// A started process. Descriptors are close-on-exec and non-blocking, and belong to the caller, who closes them; -1 where there is none.
// With a terminal, stdin_fd and stdout_fd are the same descriptor (its master side; close it once) and stderr_fd is -1.
// stdin_fd is -1 for STDIN_NONE: the process reads /dev/null. Otherwise the caller feeds and closes it, whatever the stdin kind.
struct process {
  pid_t pid; // on the host
  int stdin_fd;
  int stdout_fd;
  int stderr_fd;
  int status_fd;
};

// Cheap: nothing is entered yet.
int entry_open(struct entry **out, const struct entry_config *config, struct err *err);

// Starts a process; enters on the first call. Failures to enter have code FAILURE_ENTRY.
int entry_spawn(struct entry *entry, const struct exec_spec *spec, struct process *out, struct err *err);

// To the foreground process group of the terminal, or to the process's own group.
int entry_signal(struct entry *entry, const struct process *process, int signal, struct err *err);

// Kills the process and all its descendants that the entry can tell (process group; cgroup where there is one). With `leftovers_only` the
// process itself has ended and was reaped. Called for a timeout, a CANCEL and EXEC_KILL_LEFTOVERS; does not wait.
void entry_kill(struct entry *entry, const struct process *process, bool leftovers_only);

int entry_resize(struct entry *entry, const struct process *process, uint16_t rows, uint16_t columns, struct err *err);

// The MACHINE probe.
int entry_machine(struct entry *entry, struct machine_info *out, struct err *err);

// Forgets the process (its private files beneath /run are removed); call it once its status was read. Closes no descriptor.
void entry_reap(struct entry *entry, const struct process *process);

// Kills all, waits, unmounts, removes private files. Takes NULL.
void entry_close(struct entry *entry);

#endif
