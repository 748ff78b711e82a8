// One process of an entry and all that descends from it: started, watched, signalled, killed, reaped.
#ifndef CRUN_RUNNER_H
#define CRUN_RUNNER_H

#include <stdbool.h>
#include <stdint.h>

#include "messages.h"

struct runner_config {
  const struct exec_spec *spec;
  uint64_t capabilities;    // what root keeps
  uint32_t tasks;           // see struct start
  uint64_t wanted;          // capabilities among them that were asked for: without them nothing runs
  uint32_t groups;          // of calls_restrict, beside those of the spec
  bool is_filtered;         // system calls are filtered from here on
  bool is_private;          // files go into a mount namespace of the process's own; else `files_directory` holds them
  bool may_use_others;      // see files_lay_private
  char files_directory[64]; // empty: none
  bool lives_on;            // the process goes on when the worker is gone, until its time is over
  int streams[3];           // -1: none
  int drains[2];            // with `lives_on`, the read ends of its stdout and stderr
  int gate;                 // see struct start
  int socket;               // to the worker
  int proc; // O_PATH root of the procfs of the caller's PID namespace, or -1: only direct children are found
};

// Runs in a child of the agent's; returns its exit status. It is the process's parent and the subreaper of its
// descendants, so that a daemon that left the session is found all the same. Over `socket` it tells CHANNEL_STARTED or
// CHANNEL_FAILED, then one struct process_status, and takes CHANNEL_SIGNAL, CHANNEL_KILL and CHANNEL_FORGET. When the
// worker is gone, a process that still runs is killed with all its descendants, unless it lives on: then the runner reads
// its output, watches its time and removes its files. What a process left behind stays (the entry's own end takes it).
int runner_main(struct runner_config *config);

#endif
