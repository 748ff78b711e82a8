// A fault that is asked for: `ROLE:N:WHAT`.
//
// ROLE: `router`, `worker.1` (the first worker, …), `agent.1`, `runner.1`, `program.1` (between the runner's fork and the program), `other.1`, or `any`: all
//   processes counted together.
// N: which of the system calls of that process, from 1. 0: none; all are written down.
// WHAT: `kill` (SIGKILL before the call), `short` (half of what was asked for), `fail.K` (with the K-th of the errors that the call can fail with, from 0),
//   `fail.EIO` (with this one); `stay.…` like `fail.…`, and from then on every call of the same kind in all processes fails likewise.
#ifndef CRUN_FAULTY_FAULT_H
#define CRUN_FAULTY_FAULT_H

#include <stdbool.h>
#include <stdint.h>

enum fault_kind { FAULT_NONE, FAULT_KILL, FAULT_SHORT, FAULT_FAIL };

struct fault {
  char role[32];
  uint64_t number;
  enum fault_kind kind;
  int error;  // 0: the choice-th of the call's own
  unsigned choice;
  bool stays;
};

bool fault_parse(const char *text, struct fault *out);

#endif
