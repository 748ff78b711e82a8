// How many processes and threads a tree may have, so that a fork bomb in it leaves the host room to work.
#ifndef CRUN_TASKS_H
#define CRUN_TASKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define TASKS_UNLIMITED 4000000u

// What is given unless more is asked for: a third of what the host itself can have, as systemd gives the sessions of a
// user; 32,000 at most.
uint32_t tasks_default(void);

// Limits the caller's PID namespace, by the greatest number that a process in it can have: kernels from 6.14 on have one
// for each namespace. Before that it would be the host's own, and nothing is done. True: the limit holds.
bool tasks_limit_namespace(uint32_t tasks);
bool tasks_has_namespace_limit(void);

// A fork that failed, in words that tell of the limit where that was the reason. Returns -1.
int tasks_fail_fork(struct err *err, int errno_value);

// What is written to a pids.max: a number, or `max`. 0: neither.
uint32_t tasks_parse(const uint8_t *text, size_t length);

#endif
