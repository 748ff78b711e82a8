// A new file that takes its name only when it is whole.
#ifndef CRUN_TEMP_H
#define CRUN_TEMP_H

#include "messages.h"
#include "place.h"

// The name that what is to replace something has until it is renamed. One for all of a directory, held by a lock on the
// directory: the kernel gives that back for a process that was killed, and who holds it next removes what is left there
// under this name. Where the lock cannot be had (another helper is at work, or whoever may read the directory holds it)
// the name is a random one.
#define INTERIM_NAME ".crun-unfinished"
struct interim {
  int lock;
  char name[32];  // empty: none
};

#define INTERIM_NONE ((struct interim){.lock = -1})
void interim_take(struct interim *interim, int parent);
// Whether making something under the name is to be tried again, by another name: who knows this one may be in its way.
bool interim_retry(struct interim *interim, int error);
// After what had the name was renamed or removed.
void interim_end(struct interim *interim);

// Has no name until it is placed, where the file system can do that; else an interim one beneath the parent, removed by
// temp_close.
struct temp {
  int fd;
  int parent;  // borrowed
  struct interim interim;
};

#define TEMP_NONE ((struct temp){.fd = -1, .parent = -1, .interim = INTERIM_NONE})
#define auto_temp __attribute__((cleanup(temp_close)))
int temp_create(struct temp *out, int parent, const char *path, struct err *err);
// Gives the file its name, in place of what has it, or (`is_new`) only if nothing has it: else FAILURE_CONFLICT.
int temp_place(struct temp *temp, const struct root *root, const char *name, bool is_new, const char *path,
               struct err *err);
void temp_close(struct temp *temp);

// A random name that nobody can guess.
void temp_name(char name[32]);
// Renames within a directory: what was made under the interim name takes the place of `name`. On failure it is removed.
// The interim name ends.
int interim_rename(struct interim *interim, int parent, const char *name, bool is_new, const char *path,
                   struct err *err);
// Renames within a directory, only if nothing has the name: else EEXIST (ENOTEMPTY where the file system cannot do it at once).
int rename_new(int parent, const char *from, const char *name);
// Another name for the very object of a descriptor (O_PATH will do).
int link_descriptor(const struct root *root, int fd, int parent, const char *name);

// What a new file shall be like. `mode` MODE_KEEP and ids ID_KEEP: as in `replaced` (NULL or no regular file: the
// defaults).
struct attributes {
  uint16_t mode;
  uint32_t uid;
  uint32_t gid;
  const struct stat *replaced;
};
int temp_set_attributes(struct temp *temp, const struct attributes *wanted, const char *path, struct err *err);
int temp_sync(struct temp *temp, const char *path, struct err *err);

enum xattr_choice {
  XATTR_ALL,
  XATTR_BUT_OF_CONTENT,  // those that vouch for content (file capabilities, IMA) are left out
};
int copy_xattrs(int from, int to, enum xattr_choice choice, const char *path, struct err *err);

#endif
