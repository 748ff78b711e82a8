// The path primitive: what lies at a path beneath a root, by descriptors, with no way out of it.
#ifndef CRUN_PLACE_H
#define CRUN_PLACE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "error.h"
#include "ids.h"

struct root {
  int fd;            // O_PATH directory
  int proc_fd;       // /proc/self/fd, or -1 where there is no proc file system
  bool has_openat2;  // else every component is walked by hand
  struct ids ids;    // of the machine whose root it is
};

// Opens `path` (on the host's own root if `base` is NULL) as a root.
int root_open(struct root *out, const char *path, bool has_openat2, struct err *err);
void root_close(struct root *root);
bool openat2_works(void);
// Opens /proc/self/fd, checked to be of a proc file system; -1 where it is not.
int open_proc_fd(void);

enum place_flag {
  PLACE_FOLLOW = 1,  // the last link too
  PLACE_PARENT = 2,  // the parent is wanted: for changes
};

// What lies at a path. Start with PLACE_NONE; place_close may be called at any time.
// Absent: `fd` is -1. If its parent is absent too, `parent` is -1 and `absence` says why (ENOENT, ENOTDIR).
struct place {
  int parent;               // O_PATH directory; only with PLACE_PARENT (or without a proc file system), else -1
  int fd;                   // O_PATH descriptor of the very thing
  int absence;              // errno where nothing is there
  struct stat stat;         // of fd
  char name[NAME_MAX + 1];  // in the parent; "." for the root itself
  char real[PATH_MAX];      // canonical path beneath the root
};

#define PLACE_NONE ((struct place){.parent = -1, .fd = -1})
void place_close(struct place *place);
#define auto_place __attribute__((cleanup(place_close)))

// Finds what is there. Absence (also beneath what is no directory) is no error; a loop of links is.
int place_find(const struct root *root, const char *path, unsigned flags, struct place *out, struct err *err);

// A descriptor for content of the very thing that was found, which must be a regular file: open(2) flags O_RDONLY or
// O_RDWR and the like. O_NONBLOCK, O_NOCTTY and O_CLOEXEC are added.
int place_open(const struct root *root, const struct place *place, int flags, const char *path, struct err *err);

// The directory that was found, to be listed.
int place_open_directory(const struct place *place, const char *path, struct err *err);

// Opens a directory by its name in another: no link, on the same device (or ANY_DEVICE) and mount. -1 and errno; EXDEV
// where it is another's.
#define ANY_DEVICE ((dev_t)-1)
int open_subdirectory(const struct root *root, int parent, const char *name, dev_t device);

// Whether two stats are of one object that has not changed in between.
bool is_same_object(const struct stat *a, const struct stat *b);
bool is_unchanged(const struct stat *a, const struct stat *b);

#endif
