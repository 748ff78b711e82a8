// Removes a thing, and all that is beneath it where that is asked for: REMOVE.
//
// Iterative, by descriptors, with no mount and no device crossed, in bounded memory. Whatever lies deeper than
// LEVELS_MAX is first moved up to the top, under a name of its own, so that neither descriptors nor a stack grow with
// the tree's depth.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "running.h"
#include "subvolume.h"
#include "temp.h"
#include "tree.h"

#define LEVELS_MAX 64
// How often a directory is read again where something was added meanwhile.
#define ROUNDS_MAX 1000

struct level {
  DIR *directory;
  char name[NAME_MAX + 1];  // in the level above
  dev_t device;             // of a subvolume another than that of the level above
  unsigned rounds;
  bool has_removed;  // something, since it was last read from its start
};

struct removal {
  struct tree *tree;
  const struct root *root;
  const char *path;
  bool takes_subvolumes;
  int64_t begin;
  struct level levels[LEVELS_MAX];
  size_t depth;
};

static void cleanup_removal(struct removal *removal) {
  while (removal->depth > 0) closedir(removal->levels[--removal->depth].directory);
}

static int push(struct removal *removal, int fd, const char *name, struct err *err) {
  struct level *level = &removal->levels[removal->depth];
  struct stat stat;
  DIR *directory = fstat(fd, &stat) == 0 ? fdopendir(fd) : NULL;
  if (directory == NULL) {
    int error = errno;
    close(fd);
    return err_system(err, error, "fdopendir", removal->path);
  }
  *level = (struct level){.directory = directory, .device = stat.st_dev};
  strcpy(level->name, name);
  removal->depth++;
  return 0;
}

static int fail(const struct removal *removal, int error, const char *step, const char *name, struct err *err) {
  if (error == EXDEV || error == EBUSY) {
    return err_fail_errno(err, FAILURE_REFUSED, error, step, removal->path,
                          "\"%s\" beneath it is a mount or another file system.", name);
  }
  return err_fail_errno(err, FAILURE_SYSTEM, error, step, removal->path, "It happened at \"%s\" beneath it.", name);
}

// 1. Too deep: moved to the top (of its subvolume), where it will be met again.
static int hoist(struct removal *removal, int parent, const char *name, struct err *err) {
  struct level *top = removal->levels;
  char up[32];
  while (top->device != removal->levels[removal->depth - 1].device) top++;
  temp_name(up);
  if (renameat(parent, name, dirfd(top->directory), up) != 0) {
    return errno == ENOENT ? 0 : fail(removal, errno, "rename", name, err);
  }
  top->has_removed = true;
  return 0;
}

// 2. One entry: what is no directory is unlinked, a directory is entered.
static int remove_entry(struct removal *removal, struct level *level, const struct dirent *entry, struct err *err) {
  int parent = dirfd(level->directory), fd;
  // A file system of the tree's own making (FUSE) may have names that are longer than the C library knows.
  if (strlen(entry->d_name) > NAME_MAX) return fail(removal, ENAMETOOLONG, "readdir", "a name", err);
  level->has_removed = true;
  if (entry->d_type != DT_DIR) {
    if (unlinkat(parent, entry->d_name, 0) == 0 || errno == ENOENT) return 0;
    if (errno != EISDIR && errno != EPERM) return fail(removal, errno, "unlink", entry->d_name, err);
    // A file system that tells no types, or a directory that took the name. EPERM for a file comes again as ENOTDIR.
  }
  fd = open_subdirectory(removal->root, parent, entry->d_name, level->device);
  if (fd < 0 && errno == EXDEV && removal->takes_subvolumes) {
    if (subvolume_destroy(removal->root, parent, entry->d_name) == 0) return 0;
    // Who may not destroy it may be able to empty it, and an empty one is a directory like any.
    fd = open_subvolume(removal->root, parent, entry->d_name);
  }
  if (fd < 0) {
    if (errno == ENOENT) return 0;
    if (errno == ENOTDIR || errno == ELOOP) return fail(removal, EPERM, "unlink", entry->d_name, err);
    return fail(removal, errno, "open", entry->d_name, err);
  }
  if (removal->depth == LEVELS_MAX) {
    close(fd);
    return hoist(removal, parent, entry->d_name, err);
  }
  return push(removal, fd, entry->d_name, err);
}

// 3. A directory that was read to its end: read again if something was removed (entries may have been passed over),
// else removed itself.
static int end_level(struct removal *removal, struct err *err) {
  struct level *level = &removal->levels[removal->depth - 1];
  if (level->has_removed && level->rounds < ROUNDS_MAX) {
    level->has_removed = false;
    level->rounds++;
    rewinddir(level->directory);
    return 0;
  }
  closedir(level->directory);
  removal->depth--;
  if (removal->depth == 0) return 0;
  int parent = dirfd(removal->levels[removal->depth - 1].directory);
  if (unlinkat(parent, level->name, AT_REMOVEDIR) == 0 || errno == ENOENT) return 0;
  // Kernels before 4.18 take no subvolume by rmdir.
  if (removal->takes_subvolumes && subvolume_destroy(removal->root, parent, level->name) == 0) return 0;
  return fail(removal, errno, "rmdir", level->name, err);
}

static int step(struct removal *removal, struct err *err) {
  struct level *level = &removal->levels[removal->depth - 1];
  struct dirent *entry;
  if (tree_step(removal->tree, removal->begin, removal->path, err) != 0) return -1;
  errno = 0;
  entry = readdir(level->directory);
  if (entry == NULL) return errno == 0 ? end_level(removal, err) : fail(removal, errno, "readdir", level->name, err);
  if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) return 0;
  return remove_entry(removal, level, entry, err);
}

static int remove_beneath(struct tree *tree, const struct root *root, const struct change *change,
                          const struct place *place, struct err *err) {
  __attribute__((cleanup(cleanup_removal))) struct removal removal = {
      .tree = tree,
      .root = root,
      .path = change->path,
      .begin = running_now_ms(),
      .takes_subvolumes = (change->flags & REMOVE_SUBVOLUMES) != 0};
  int fd = open_subdirectory(root, place->parent, place->name, place->stat.st_dev);
  struct stat stat;
  if (fd < 0) return fail(&removal, errno, "open", place->name, err);
  if (fstat(fd, &stat) != 0 || !is_same_object(&stat, &place->stat)) {
    close(fd);
    return err_fail(err, FAILURE_CONFLICT, "open", change->path, "Another directory took its name.");
  }
  if (push(&removal, fd, place->name, err) != 0) return -1;
  while (removal.depth > 0) {
    if (step(&removal, err) != 0) return -1;
  }
  return 0;
}

static bool remove_subvolume(const struct root *root, const struct place *place) {
  auto_close int parent = openat(place->parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return parent >= 0 && subvolume_destroy(root, parent, place->name) == 0;
}

int change_remove(struct tree *tree, const struct change *change, struct err *err) {
  const struct root *root = tree_root(tree, change->at_host);
  auto_place struct place place = PLACE_NONE;
  bool is_directory;
  if (place_find(root, change->path, PLACE_PARENT, &place, err) != 0) return -1;
  if (expect_check(tree, root, change, &place, err) != 0) return -1;
  if (place.fd < 0) return err_system(err, place.absence, "unlink", change->path);
  if (strcmp(place.real, "/") == 0)
    return err_fail(err, FAILURE_REFUSED, "rmdir", change->path, "It is the root itself.");
  is_directory = S_ISDIR(place.stat.st_mode);
  if (expect_again(change, &place, err) != 0) return -1;
  if ((change->flags & REMOVE_SUBVOLUMES) && is_subvolume(place.fd) && remove_subvolume(root, &place)) return 0;
  if (is_directory && (change->flags & REMOVE_ALL) && remove_beneath(tree, root, change, &place, err) != 0) return -1;
  if (unlinkat(place.parent, place.name, is_directory ? AT_REMOVEDIR : 0) == 0) return 0;
  return err_system(err, errno, is_directory ? "rmdir" : "unlink", change->path);
}
