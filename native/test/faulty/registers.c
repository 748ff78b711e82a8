// The registers of system calls, by architecture.
#include "registers.h"

#include <elf.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

#if defined(__x86_64__)
typedef struct user_regs_struct registers;

static uint64_t *argument_of(registers *all, int argument) {
  unsigned long long *const places[] = {(unsigned long long *)&all->rdi, (unsigned long long *)&all->rsi,
                                        (unsigned long long *)&all->rdx, (unsigned long long *)&all->r10,
                                        (unsigned long long *)&all->r8,  (unsigned long long *)&all->r9};
  return (uint64_t *)places[argument];
}

static void set_result(registers *all, long result) {
  all->rax = (unsigned long)result;
}
#elif defined(__aarch64__)
typedef struct user_regs_struct registers;

static uint64_t *argument_of(registers *all, int argument) {
  return (uint64_t *)&all->regs[argument];
}

static void set_result(registers *all, long result) {
  all->regs[0] = (unsigned long)result;
}
#else
#error "Say how a system call's registers are changed on this architecture."
#endif

static bool get(pid_t pid, registers *all) {
  struct iovec vector = {all, sizeof *all};
  return ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &vector) == 0;
}

static bool set(pid_t pid, registers *all) {
  struct iovec vector = {all, sizeof *all};
  return ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &vector) == 0;
}

bool registers_skip_call(pid_t pid) {
#if defined(__x86_64__)
  registers all;
  if (!get(pid, &all)) return false;
  all.orig_rax = (unsigned long)-1L;
  return set(pid, &all);
#else
  int none = -1;
  struct iovec vector = {&none, sizeof none};
  return ptrace(PTRACE_SETREGSET, pid, 0x404 /* NT_ARM_SYSTEM_CALL */, &vector) == 0;
#endif
}

bool registers_set_result(pid_t pid, long result) {
  registers all;
  if (!get(pid, &all)) return false;
  set_result(&all, result);
  return set(pid, &all);
}

bool registers_set_argument(pid_t pid, int argument, uint64_t value) {
  registers all;
  if (!get(pid, &all)) return false;
  *argument_of(&all, argument) = value;
  return set(pid, &all);
}
