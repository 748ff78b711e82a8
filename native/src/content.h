// What the changes share: content, places for something new, copies.
#ifndef CRUN_CONTENT_H
#define CRUN_CONTENT_H

#include <time.h>

#include "temp.h"
#include "tree.h"

// A Content's bytes. `mapped` is what blob_unmap must be given afterwards.
int content_map(const struct blob_store *blobs, const struct content *content, struct bytes *out, struct bytes *mapped,
                struct err *err);

// Finds the place for a change that puts something there: its parent exists, expectations are met, no directory is
// there.
int place_for_new(struct tree *tree, const struct root *root, const struct change *change, unsigned flags,
                  struct place *out, struct err *err);
int copy_content(struct tree *tree, int from, int to, const char *path, struct err *err);
// A copy of a file with all that belongs to it, in `temp`; and its taking the file's name.
int replace_by_copy(struct tree *tree, const struct root *root, const struct change *change, const struct place *place,
                    struct temp *temp, struct err *err);
int swap_in(struct tree *tree, const struct root *root, const struct change *change, const struct place *place,
            struct temp *temp, struct err *err);
void to_timespec(const struct time_spec *spec, struct timespec *out);

#endif
