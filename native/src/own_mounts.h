// A mount namespace of the helper's own: what is mounted in it is seen by its processes alone, and ends with the last of them,
// whatever kills them.
#ifndef CRUN_OWN_MOUNTS_H
#define CRUN_OWN_MOUNTS_H

// Its descriptor; -1 where there can be none (no right to it).
int own_mounts_make(void);
// The calling process goes in for good, if the root that it has is the same there: else, and with -1, it stays where it is.
void own_mounts_enter(int mounts);

#endif
