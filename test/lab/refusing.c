// Runs a program to which the kernel refuses something: refusing namespaces|owners ERRNO PROGRAM ARGUMENT…
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define IS(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, yes, no)
#define RETURN(what) BPF_STMT(BPF_RET | BPF_K, what)

static int filter(struct sock_filter *rules, size_t count) {
  const struct sock_fprog program = {.len = (unsigned short)count, .filter = rules};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -1 : prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

// As a host that lets users make no user namespaces.
static int refuse_namespaces(unsigned refusal) {
  struct sock_filter rules[] = {
      LOAD(nr),
      IS(SYS_clone3, 5, 0),
      IS(SYS_unshare, 1, 0),
      IS(SYS_clone, 0, 4),
      LOAD(args[0]),
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_NEWUSER, 0, 2),
      RETURN(refusal),
      RETURN(SECCOMP_RET_ERRNO | ENOSYS),
      RETURN(SECCOMP_RET_ALLOW),
  };
  return filter(rules, sizeof rules / sizeof *rules);
}

// As a file system that keeps no owners, or whose server gives none away.
static int refuse_owners(unsigned refusal) {
  struct sock_filter rules[] = {
      LOAD(nr),
      IS(SYS_fchown, 1, 0),
      IS(SYS_fchownat, 0, 1),
      RETURN(refusal),
      RETURN(SECCOMP_RET_ALLOW),
  };
  return filter(rules, sizeof rules / sizeof *rules);
}

int main(int count, char **arguments) {
  if (count < 4) return 2;
  unsigned refusal = SECCOMP_RET_ERRNO | (unsigned)atoi(arguments[2]);
  int status = strcmp(arguments[1], "owners") == 0 ? refuse_owners(refusal) : refuse_namespaces(refusal);
  if (status < 0) {
    perror("refusing");
    return 2;
  }
  execvp(arguments[3], arguments + 3);
  perror(arguments[3]);
  return 127;
}
