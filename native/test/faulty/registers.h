// What a stopped process is about to ask the kernel, and how to change that.
#ifndef CRUN_FAULTY_REGISTERS_H
#define CRUN_FAULTY_REGISTERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

// At the beginning of a call: none is made; at its end -ENOSYS is found.
bool registers_skip_call(pid_t pid);
// At the end of a call.
bool registers_set_result(pid_t pid, long result);
bool registers_set_argument(pid_t pid, int argument, uint64_t value);

#endif
