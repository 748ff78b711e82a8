// A seccomp filter in place of an older kernel: for the ways that the helper takes where a system call is missing.
#include "forbid.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CALLS_MAX 16

static const struct call {
  const char *name;
  unsigned number;
} known[] = {
    {"openat2", SYS_openat2},           {"statx", SYS_statx},           {"close_range", SYS_close_range},
    {"open_tree", SYS_open_tree},       {"move_mount", SYS_move_mount}, {"fsopen", SYS_fsopen},
    {"mount_setattr", SYS_mount_setattr}, {"renameat2", SYS_renameat2}, {"renameat", SYS_renameat},
    {"copy_file_range", SYS_copy_file_range}, {"unlinkat", SYS_unlinkat}, {"fchown", SYS_fchown},
};

static unsigned number_of(const char *name, size_t length) {
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (strlen(known[i].name) == length && memcmp(known[i].name, name, length) == 0) return known[i].number;
  fprintf(stderr, "forbid: no such system call is known: %.*s\n", (int)length, name);
  _exit(127);
}

// Of O_TMPFILE, the bit that is its own.
#define TMPFILE_BIT 020000000

// Files without a name: as on a file system that knows none.
static unsigned short forbid_unnamed(struct sock_filter *filter) {
  unsigned short count = 0;
  filter[count++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 4);
  filter[count++] =
      (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args) + 2 * sizeof(uint64_t));
  filter[count++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, TMPFILE_BIT, 0, 1);
  filter[count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EOPNOTSUPP);
  filter[count++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
  return count;
}

void forbid_calls(const char *names) {
  struct sock_filter filter[2 * CALLS_MAX + 8];
  unsigned short count = 0;
  filter[count++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
  for (const char *at = names; *at != '\0' && count < 2 * CALLS_MAX;) {
    size_t length = strcspn(at, ",");
    if (length == 9 && memcmp(at, "O_TMPFILE", 9) == 0) {
      count = (unsigned short)(count + forbid_unnamed(filter + count));
      at += length + (at[length] == ',');
      continue;
    }
    bool kills = length > 0 && at[length - 1] == '!';
    unsigned action = kills ? SECCOMP_RET_KILL_PROCESS : SECCOMP_RET_ERRNO | ENOSYS;
    filter[count++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number_of(at, length - kills), 0, 1);
    filter[count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action);
    at += length + (at[length] == ',');
  }
  filter[count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  struct sock_fprog program = {.len = count, .filter = filter};
  // Without the right to do otherwise a filter asks for this; with it, setuid programs stay what they are.
  if (geteuid() != 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) _exit(127);
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0) return;
  perror("forbid: seccomp");
  _exit(127);
}
