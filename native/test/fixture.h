// A tree beneath the scratch directory, opened in this very process.
#ifndef CRUN_TEST_FIXTURE_H
#define CRUN_TEST_FIXTURE_H

#include "tree.h"

struct fixture {
  struct tree tree;
  struct port port;
  struct beat beat;
  int other;  // the router's end of the port
};

// The tree is `tree` in the scratch directory; what lies beside it is the host's.
void fixture_open(struct fixture *fixture);
void fixture_close(struct fixture *fixture);

// Carries out a change; 0, or the failure's code + 1 (so 1: a system call, 2: conflict, 3: refused), the failure in
// `err`.
int attempt(struct fixture *fixture, const struct change *change, struct err *err);
// The same, with the failure dropped.
int does(struct fixture *fixture, const struct change *change);
#define CONFLICT 2
#define REFUSED 3

struct change new_change(uint8_t kind, const char *path);
struct change new_write(const char *path, const char *content);

#endif
