// For package managers in a tree that has one id: owners that cannot be given count as given.
#ifndef CRUN_LAX_OWNERS_H
#define CRUN_LAX_OWNERS_H

#include "error.h"

// From here on chown and its like do nothing and succeed, in this process and all that it starts; nothing of it gains
// privileges any more. Where groups can be set (root, subordinate ids) all stays as it is.
int lax_owners(struct err *err);

#endif
