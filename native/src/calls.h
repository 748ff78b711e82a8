// Which system calls the processes of a tree may make: a filter of the kernel's (seccomp).
#ifndef CRUN_CALLS_H
#define CRUN_CALLS_H

#include <stdint.h>

#include "error.h"

// What no capability governs, and can be allowed all the same (`calls` of an Exec).
enum call_group {
  CALLS_KEYRINGS = 1,         // add_key, request_key, keyctl
  CALLS_IO_URING = 2,         // io_uring_*
  CALLS_USERFAULTFD = 4,      // userfaultfd
  CALLS_USER_NAMESPACES = 8,  // clone, clone3 and unshare with CLONE_NEWUSER
  CALLS_SOCKETS = 16,         // sockets of all families; socketcall of 32-bit x86 programs
  CALLS_PERSONALITY = 32,     // personality with any value
  CALLS_LDT = 64,             // modify_ldt
  CALLS_ALL = 128,            // no filter at all
};
#define CALLS_KNOWN 255u
// The processes are a machine's: bpf, perf, swap, quota, fanotify, kexec and open_by_handle_at, which reach the host, stay
// refused whatever capabilities its root has.
#define CALLS_OF_MACHINE 256u
// What a machine's keepers can be made to do by its root, who may trace them, before a process's own filter is there.
#define CALLS_OF_KEEPERS (CALLS_OF_MACHINE | (CALLS_KNOWN & ~(CALLS_ALL | CALLS_KEYRINGS | CALLS_USERFAULTFD)))

// From now on the caller and its children get refused, whatever the ABI of a program is (x86-64, its x32, i386; arm64,
// 32-bit ARM; others can do nothing):
//   - what a capability governs that is not in `capabilities`, and no package manager needs: mounts, modules, swap,
//     clocks, kexec, bpf, perf, … (EPERM)
//   - what no capability governs and reaches much of the kernel: see enum call_group, unless it is in `groups`
//     (keyrings, io_uring, clone3, modify_ldt, socketcall: ENOSYS, as on a kernel without them, so that C libraries and
//     programs fall back; families of sockets: EAFNOSUPPORT; the others: EPERM)
//   - keys pushed into a terminal (TIOCSTI, TIOCLINUX: EPERM)
//   - calls newer than this program (ENOSYS)
// Needs CAP_SYS_ADMIN or no_new_privs. Then asks for a refused call, to see the refusal. Failures have code FAILURE_ENTRY.
int calls_restrict(uint64_t capabilities, uint32_t groups, struct err *err);

#endif
