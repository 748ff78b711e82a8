// The last stages of a process, from the fork to the program that it runs.
#ifndef CRUN_START_H
#define CRUN_START_H

#include "messages.h"

struct start {
  const struct exec_spec *spec;
  const char *files_directory; // replaces @files@; empty: none
  int streams[3];              // -1: none; with a terminal unused
  int socket;                  // to the worker: CHANNEL_STARTING tells the pid and brings the terminal
  int gate;                    // a byte comes when it is where it belongs; -1: it may go at once
  uint32_t tasks;              // how many processes a user of the tree may have on this host; 0: no limit of ours
  int report;                  // write end of a pipe: struct err if the program could not be started, else end of file
};

// Runs in the child, in the entry's root with the entry's capabilities. Never returns.
_Noreturn void start_process(const struct start *start);

#endif
