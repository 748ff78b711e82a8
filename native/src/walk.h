// Walks a path component by component beneath a root, links resolved by hand.
#ifndef CRUN_WALK_H
#define CRUN_WALK_H

#include "place.h"

// As place_find, and with the parent always; needs neither openat2 nor /proc.
int walk_find(const struct root *root, const char *path, bool is_following, struct place *out, struct err *err);

#endif
