// A kernel that lies: runs a program under which some system calls do nothing and say that they did, or fail.
//   lying NUMBER[,FIRST]=ERRNO… -- PROGRAM ARGUMENT…      ERRNO 0: success without doing it; FIRST: only with that first argument
#define _GNU_SOURCE
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int count, char **arguments) {
  struct sock_filter steps[256];
  unsigned used = 0;
  int next = 1;
  for (; next < count && strcmp(arguments[next], "--") != 0 && used < 240; next++) {
    char *end = NULL;
    unsigned number = (unsigned)strtoul(arguments[next], &end, 10), first = 0;
    int has_first = *end == ',';
    if (has_first) first = (unsigned)strtoul(end + 1, &end, 10);
    unsigned errno_value = *end == '=' ? (unsigned)strtoul(end + 1, NULL, 10) : 0;
    steps[used++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    steps[used++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, has_first ? 3 : 1);
    if (has_first) {
      steps[used++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args));
      steps[used++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, first, 0, 1);
    }
    steps[used++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | errno_value);
  }
  steps[used++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  struct sock_fprog program = {.len = (unsigned short)used, .filter = steps};
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0) return perror("prctl"), 125;
  if (next + 1 < count) execvp(arguments[next + 1], arguments + next + 1);
  return perror("execvp"), 127;
}
