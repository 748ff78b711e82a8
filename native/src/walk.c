// Walks a path component by component beneath a root, links resolved by hand: for paths that hold links, and for
// kernels without openat2.
//
// Why nothing escapes: every open is of one name without a slash, never "..", with O_NOFOLLOW, from a descriptor that
// was reached in the same way. A ".." walks down again from the root along the canonical path so far.
#include "walk.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/vfs.h>

#include <linux/magic.h>

#include "cleanup.h"

#define LINKS_MAX 40

struct walk {
  const struct root *root;
  int directory;        // where the walk is: O_PATH
  char real[PATH_MAX];  // its canonical path, "" for the root
  char rest[PATH_MAX];  // what is still to be walked
  unsigned links;
};

// 1. The next component is cut off the rest. False at the end.
static bool next_name(struct walk *walk, char name[NAME_MAX + 1], int *error) {
  size_t slashes = strspn(walk->rest, "/");
  size_t length = strcspn(walk->rest + slashes, "/");
  *error = 0;
  if (length == 0) return false;
  if (length > NAME_MAX) {
    *error = ENAMETOOLONG;
    return false;
  }
  memcpy(name, walk->rest + slashes, length);
  name[length] = '\0';
  memmove(walk->rest, walk->rest + slashes + length, strlen(walk->rest + slashes + length) + 1);
  return true;
}

static bool is_last(const struct walk *walk) {
  return walk->rest[strspn(walk->rest, "/")] == '\0';
}

static int append_name(char real[PATH_MAX], const char *name) {
  size_t at = strlen(real), length = strlen(name);
  if (at + 1 + length + 1 > PATH_MAX) return ENAMETOOLONG;
  real[at] = '/';
  memcpy(real + at + 1, name, length + 1);
  return 0;
}

static int enter(struct walk *walk, int fd, const char *name) {
  int error = append_name(walk->real, name);
  if (error != 0) {
    close(fd);
    return error;
  }
  close(walk->directory);
  walk->directory = fd;
  return 0;
}

// 2. "..": down again from the root, along components that were no links a moment ago and may be none now.
static int go_up(struct walk *walk) {
  char path[PATH_MAX], *last = strrchr(walk->real, '/'), *rest = path, *name;
  int fd;
  if (last == NULL) return 0;
  *last = '\0';
  strcpy(path, walk->real);
  fd = openat(walk->root->fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return errno;
  while ((name = strsep(&rest, "/")) != NULL) {
    int next;
    if (name[0] == '\0') continue;
    next = openat(fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (next < 0) {
      int error = errno;
      close(fd);
      return error;
    }
    close(fd);
    fd = next;
  }
  close(walk->directory);
  walk->directory = fd;
  return 0;
}

// 3. A link's target goes before the rest. Links of procfs that jump to an object are refused: their text means nothing
// here.
static int follow(struct walk *walk, int link_fd) {
  char target[PATH_MAX];
  struct statfs file_system;
  size_t rest = strlen(walk->rest);
  ssize_t length = readlinkat(link_fd, "", target, sizeof target);
  if (length < 0) return errno;
  if (length == 0) return ENOENT;
  if (++walk->links > LINKS_MAX) return ELOOP;
  if (fstatfs(link_fd, &file_system) != 0) return errno;
  if (file_system.f_type == PROC_SUPER_MAGIC && (target[0] == '/' || memchr(target, ':', (size_t)length) != NULL))
    return ELOOP;
  if ((size_t)length + 1 + rest + 1 > PATH_MAX) return ENAMETOOLONG;
  memmove(walk->rest + length + 1, walk->rest, rest + 1);
  memcpy(walk->rest, target, (size_t)length);
  walk->rest[length] = '/';
  if (target[0] == '/') {
    int fd = openat(walk->root->fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return errno;
    close(walk->directory);
    walk->directory = fd;
    walk->real[0] = '\0';
  }
  return 0;
}

// 4. Nothing is there: the canonical path is what exists and the rest as it is.
static int end_absent(struct walk *walk, const char *name, int error, struct place *out) {
  bool is_parent_there = is_last(walk) && error == ENOENT;
  out->absence = error;
  strcpy(out->real, walk->real);
  strcpy(out->name, name);
  if (append_name(out->real, name) != 0) return ENAMETOOLONG;
  if (!is_last(walk)) {
    size_t at = strlen(out->real), rest;
    const char *from = walk->rest + strspn(walk->rest, "/");
    rest = strlen(from);
    while (rest > 0 && from[rest - 1] == '/') rest--;
    if (at + 1 + rest + 1 > PATH_MAX) return ENAMETOOLONG;
    out->real[at] = '/';
    memcpy(out->real + at + 1, from, rest);
    out->real[at + 1 + rest] = '\0';
  }
  if (is_parent_there) out->parent = steal_fd(&walk->directory);
  return 0;
}

// 5. The thing itself was reached: by its name, or (after "..", "/" and the like) as the directory the walk is in.
static int end_found(struct walk *walk, const char *name, int *fd, struct place *out) {
  out->fd = steal_fd(fd);
  strcpy(out->real, walk->real);
  strcpy(out->name, name);
  if (append_name(out->real, name) != 0) return ENAMETOOLONG;
  out->parent = steal_fd(&walk->directory);
  return 0;
}

static int end_directory(struct walk *walk, struct place *out) {
  char *last = strrchr(walk->real, '/');
  if (fstat(walk->directory, &out->stat) != 0) return errno;
  if (last == NULL) {
    strcpy(out->real, "/");
    strcpy(out->name, ".");
    out->fd = steal_fd(&walk->directory);
    out->parent = fcntl(out->fd, F_DUPFD_CLOEXEC, 3);
    return out->parent < 0 ? errno : 0;
  }
  strcpy(out->real, walk->real);
  strcpy(out->name, last + 1);
  out->fd = fcntl(walk->directory, F_DUPFD_CLOEXEC, 3);
  if (out->fd < 0) return errno;
  // The walk went up to it, or down a link with a slash at its end: its parent is found as for "..", and must still
  // hold it by that name.
  int error = go_up(walk);
  struct stat named;
  if (error != 0) return error;
  if (fstatat(walk->directory, out->name, &named, AT_SYMLINK_NOFOLLOW) != 0) return errno;
  if (!is_same_object(&named, &out->stat)) return EAGAIN;
  out->parent = steal_fd(&walk->directory);
  return 0;
}

static int step(struct walk *walk, bool is_following, struct place *out, bool *is_done) {
  char name[NAME_MAX + 1];
  auto_close int fd = -1;
  int error;
  if (!next_name(walk, name, &error)) {
    *is_done = true;
    return error != 0 ? error : end_directory(walk, out);
  }
  if (strcmp(name, ".") == 0) return 0;
  if (strcmp(name, "..") == 0) return go_up(walk);
  fd = openat(walk->directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) {
    if (errno != ENOENT && errno != ENOTDIR) return errno;
    *is_done = true;
    return end_absent(walk, name, errno, out);
  }
  if (fstat(fd, &out->stat) != 0) return errno;
  if (S_ISLNK(out->stat.st_mode) && (is_following || !is_last(walk))) return follow(walk, fd);
  if (is_last(walk)) {
    *is_done = true;
    return end_found(walk, name, &fd, out);
  }
  if (!S_ISDIR(out->stat.st_mode)) {
    *is_done = true;
    return end_absent(walk, name, ENOTDIR, out);
  }
  return enter(walk, steal_fd(&fd), name);
}

static int walk_once(const struct root *root, const char *path, bool is_following, struct place *out) {
  struct walk walk = {.root = root, .directory = -1};
  bool is_done = false;
  int error = 0;
  strcpy(walk.rest, path);
  walk.directory = openat(root->fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (walk.directory < 0) return errno;
  while (error == 0 && !is_done) error = step(&walk, is_following, out, &is_done);
  if (walk.directory >= 0) close(walk.directory);
  return error;
}

int walk_find(const struct root *root, const char *path, bool is_following, struct place *out, struct err *err) {
  int error = EAGAIN;
  if (strlen(path) >= PATH_MAX) return err_system(err, ENAMETOOLONG, "open", path);
  // A tree that is being changed may move a directory away between two steps.
  for (unsigned tries = 0; tries < 64 && error == EAGAIN; tries++) {
    place_close(out);
    *out = PLACE_NONE;
    error = walk_once(root, path, is_following, out);
  }
  return error == 0 ? 0 : err_system(err, error, "open", path);
}
