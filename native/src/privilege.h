// What the helper is when it starts: root, or a login with a user namespace for its trees; and no file that a tree could
// overwrite.
#ifndef CRUN_PRIVILEGE_H
#define CRUN_PRIVILEGE_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "user_namespace.h"

struct privilege {
  int user_namespace;  // that trees are worked in; 0: none, either root or a host that allows none
  struct reach reach;
};

// Once, before anything else in main (after agent_main). May execute the program anew with the same arguments and
// environment.
//   1 Without root: a user namespace in which the caller is root (user_namespace.h), for workers of trees to enter. Where the
//     host allows none files can be looked at and written as the login, trees cannot be entered.
//   2 The program becomes a sealed copy in memory: a process of a tree that reaches it through /proc/PID/exe cannot
//     change it (CVE-2019-5736). Where the kernel executes no memory (vm.memfd_noexec=2), a copy in an unlinked file.
//     Where neither is executed (every directory noexec, qemu-user), it stays the file that it is, see below.
int privilege_prepare(char **arguments, struct privilege *out, struct err *err);

// Whether no name leads to the program. One that is not sealed works on files, which runs nothing of a tree's, and runs
// processes on the host's own root, whose users are what they are there anyway; it enters no tree.
bool privilege_is_sealed(void);

// Executes the program anew, the sealed copy if it is one; returns only where that failed, with errno.
void privilege_execute(char **arguments, char **environment);

// A sealed copy of the program that every user may execute, and its execution, which returns only where that failed, with
// errno. -1 with errno: there is no copy.
int privilege_copy(void);
void privilege_execute_copy(int copy, char **arguments, char **environment);

// Bits 2, 4 and 8 of the greeting's features, for what is done in trees: root's capabilities, more ids than one to be had, a
// user namespace that is not the first.
uint32_t privilege_features(const struct privilege *privilege);

#endif
