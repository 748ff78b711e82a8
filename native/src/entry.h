// How processes get into a tree: one entry per tree and run, made when the first process needs it.
//
//   unshare  The tree with a fresh /proc (masked), a read-only /sys, a small /dev, a /run of its own, the tree's
//            /tmp and hostname, the host's resolv.conf and network. Mount, PID, IPC, UTS and cgroup namespaces of its own; root
//            has CAPABILITIES_OF_TREE_ROOT; no device opens but those of /dev.
//   chroot   The tree as an administrator's chroot has it: the host's /dev, a fresh /proc, a writable /sys, the tree's
//            /tmp, a /run of its own. Mount and PID namespaces only, so that all of it ends with the run; root has all
//            capabilities, and can leave it.
//   nspawn   What systemd-nspawn shows and allows.
//   machine  The running machine: its namespaces, cgroups, limits and capabilities, but not its seccomp filter.
//   auto     machine where one runs on this tree, else unshare.
//   A tree of unshare, chroot and nspawn has a limit on its processes (tasks.h).
//   host     The host as it is, in a session of its own (is_host_root).
//
// Processes: worker (this side) -> agent (agent.h) -> runner (runner.h), one for each process -> the process. Whoever
// dies, what is below ends. An agent of unshare, chroot and nspawn is PID 1 of its PID namespace and takes all along;
// in machines and on the host, daemons that were started live on, and so do processes with EXEC_BACKGROUND, until their
// time is over.
// main() calls agent_main first, then privilege_prepare (privilege.h).
#ifndef CRUN_ENTRY_H
#define CRUN_ENTRY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"
#include "ids.h"
#include "messages.h"

struct entry;

struct entry_config {
  int root_fd;            // O_PATH directory of the tree; borrowed for the entry's life
  const char *root_path;  // its canonical path on the host; borrowed
  const char *tree_name;  // what programs call the tree (its host name), or "host"; borrowed
  uint8_t kind;           // enum entry_kind
  bool is_host_root;      // processes run on the host as they are
  bool has_shifted_ids;   // the tree's files have those of a user namespace: processes run in its machine alone
};

// What status_fd brings, once, when the process has ended and was reaped: one write of this very struct, then end of
// file. End of file without it means that the process was lost (reaper killed).
struct process_status {
  uint8_t kind;    // EXIT_EXITED, EXIT_SIGNALED or EXIT_NOT_STARTED
  uint32_t value;  // exit status or signal number
  uint32_t cpu_ms;
  struct err failure;  // for EXIT_NOT_STARTED
};

// A started process. Descriptors are close-on-exec and non-blocking, and belong to the caller, who closes them; -1
// where there is none. With a terminal, stdin_fd and stdout_fd are the same descriptor (its master side; close it once)
// and stderr_fd is -1. stdin_fd is -1 for STDIN_NONE: the process reads /dev/null. Otherwise the caller feeds and
// closes it, whatever the stdin kind.
struct process {
  pid_t pid;  // on the host
  int stdin_fd;
  int stdout_fd;
  int stderr_fd;
  int status_fd;
  bool lives_on; // it does not end with the worker (EXEC_BACKGROUND in a machine or on the host)
};

// Cheap: nothing is entered yet.
int entry_open(struct entry **out, const struct entry_config *config, struct err *err);

// Starts a process; enters on the first call. Failures to enter have code FAILURE_ENTRY.
int entry_spawn(struct entry *entry, const struct exec_spec *spec, struct process *out, struct err *err);

// To the foreground process group of the terminal, or to the process's own group.
int entry_signal(struct entry *entry, const struct process *process, int signal, struct err *err);

// Kills the process and all that descends from it, daemons in sessions of their own included (the runner is their
// subreaper), and nothing of other processes of the entry. Its status comes when they are gone, after 5 s at most.
// EXEC_KILL_LEFTOVERS does it by itself at the process's end, before the status: `leftovers_only` is harmless then.
// Does not wait.
void entry_kill(struct entry *entry, const struct process *process, bool leftovers_only);

int entry_resize(struct entry *entry, const struct process *process, uint16_t rows, uint16_t columns, struct err *err);

// The MACHINE probe.
int entry_machine(struct entry *entry, struct machine_info *out, struct err *err);

// The root as the processes of a running machine see it, with the machine's own mounts (/run, /tmp, binds): an O_PATH
// descriptor that becomes the caller's, or -1 where no machine runs. Looks for any machine with kind machine, and with
// auto, to be cheap, for those that machined knows. `ids` are those of its user namespace.
int entry_machine_root(const struct entry_config *config, int *out, struct ids *ids, struct err *err);

// Forgets the process (its private files beneath /run are removed); call it once its status was read. Closing status_fd
// does the same, and, if the process still runs, kills it. Closes no descriptor.
void entry_reap(struct entry *entry, const struct process *process);

// Kills all, waits, unmounts, removes private files. Takes NULL.
void entry_close(struct entry *entry);

#endif
