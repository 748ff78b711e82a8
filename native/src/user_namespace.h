// Without root: a user namespace in which the login is root and its subordinate ids are the others. Trees are worked in there;
// on the host itself the login stays what it is.
#ifndef CRUN_USER_NAMESPACE_H
#define CRUN_USER_NAMESPACE_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"

// Which owners can be had in trees: the ids from 0 up to these. All ids: UINT32_MAX.
struct reach {
  uint32_t users;  // 0: no user namespace could be made, files are the login's
  uint32_t groups;
  char lack[192];  // why there are no more; empty: nothing was asked for that was not given
};

// Makes it, by newuidmap and newgidmap where the login has subordinate ids, else with its single id; then no other user can be
// had in it and no group. Before the program stops being dumpable. *out is the namespace, or 0 where the host allows none.
void user_namespace_make(int *out, struct reach *reach);

// The calling process becomes root of it. It has one thread.
int user_namespace_enter(int user_namespace, struct err *err);

// Whether this process is in the namespace that has all ids.
bool has_all_ids(void);

// What the namespace of this process has, as its own maps tell.
void reach_of_self(struct reach *out);

#endif
