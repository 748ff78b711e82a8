// The path primitive: one openat2 where the path holds no links, a walk by hand where it does.
#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <linux/stat.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include "cleanup.h"
#include "print.h"
#include "walk.h"

#define OPENAT2_TRIES 64

static int openat2_retry(int directory, const char *path, int flags, uint64_t resolve) {
  struct open_how how = {.flags = (uint64_t)flags, .resolve = resolve};
  for (unsigned tries = 0; tries < OPENAT2_TRIES; tries++) {
    long fd = syscall(SYS_openat2, directory, path, &how, sizeof how);
    // EAGAIN: something was renamed or mounted while the kernel looked at "..".
    if (fd >= 0 || (errno != EAGAIN && errno != EINTR)) return (int)fd;
  }
  return -1;
}

bool openat2_works(void) {
  auto_close int fd =
      openat2_retry(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
  return fd >= 0;
}

int open_proc_fd(void) {
  auto_close int fd = openat(AT_FDCWD, "/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
  struct statfs file_system;
  if (fd < 0 || fstatfs(fd, &file_system) != 0 || file_system.f_type != PROC_SUPER_MAGIC) return -1;
  return steal_fd(&fd);
}

int root_open(struct root *out, const char *path, bool has_openat2, struct err *err) {
  *out = (struct root){.fd = -1, .proc_fd = -1, .has_openat2 = has_openat2};
  out->fd = openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (out->fd < 0) return err_system(err, errno, "open", path);
  out->proc_fd = open_proc_fd();
  return 0;
}

void root_close(struct root *root) {
  if (root->fd >= 0) close(root->fd);
  if (root->proc_fd >= 0) close(root->proc_fd);
  root->fd = root->proc_fd = -1;
}

void place_close(struct place *place) {
  if (place->parent >= 0) close(place->parent);
  if (place->fd >= 0) close(place->fd);
  place->parent = place->fd = -1;
}

bool is_same_object(const struct stat *a, const struct stat *b) {
  return a->st_dev == b->st_dev && a->st_ino == b->st_ino && (a->st_mode & S_IFMT) == (b->st_mode & S_IFMT);
}

bool is_unchanged(const struct stat *a, const struct stat *b) {
  return is_same_object(a, b) && a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
         a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
         a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

// Whether the path is absolute and its own canonical form, links aside: then what openat2 finds without links has just
// this path.
static bool is_normal(const char *path) {
  if (path[0] != '/' || path[1] == '\0') return false;
  for (const char *at = path; *at != '\0';) {
    size_t length = strcspn(at + 1, "/");
    if (length == 0 || (length == 1 && at[1] == '.') || (length == 2 && at[1] == '.' && at[2] == '.')) return false;
    at += 1 + length;
  }
  return strlen(path) < PATH_MAX;
}

enum { FOUND_NOTHING_YET = 1 };

// One system call where all goes well. FOUND_NOTHING_YET where links must be walked.
static int find_fast(const struct root *root, const char *path, unsigned flags, struct place *out, struct err *err) {
  const uint64_t resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS;
  const char *last = strrchr(path, '/');
  if (strlen(last + 1) > NAME_MAX) return err_system(err, ENAMETOOLONG, "open", path);
  if (flags & PLACE_PARENT) {
    char parent[PATH_MAX];
    size_t length = (size_t)(last - path);
    memcpy(parent, path, length == 0 ? 1 : length);
    parent[length == 0 ? 1 : length] = '\0';
    out->parent = openat2_retry(root->fd, parent, O_PATH | O_DIRECTORY | O_CLOEXEC, resolve);
    if (out->parent >= 0) out->fd = openat(out->parent, last + 1, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  } else {
    out->fd = openat2_retry(root->fd, path, O_PATH | O_NOFOLLOW | O_CLOEXEC, resolve);
  }
  strcpy(out->real, path);
  strcpy(out->name, last + 1);
  if (out->fd < 0) {
    if (errno == ELOOP || errno == EAGAIN) return FOUND_NOTHING_YET;
    if (errno != ENOENT && errno != ENOTDIR) return err_system(err, errno, "open", path);
    out->absence = errno;
    return 0;
  }
  if (fstat(out->fd, &out->stat) != 0) return err_system(err, errno, "fstat", path);
  if (S_ISLNK(out->stat.st_mode) && (flags & PLACE_FOLLOW)) return FOUND_NOTHING_YET;
  return 0;
}

int place_find(const struct root *root, const char *path, unsigned flags, struct place *out, struct err *err) {
  *out = PLACE_NONE;
  if (path[0] != '/') return err_fail(err, FAILURE_BAD_REQUEST, "open", path, "The path is not absolute.");
  if (root->has_openat2 && root->proc_fd >= 0 && is_normal(path)) {
    int found = find_fast(root, path, flags, out, err);
    if (found != FOUND_NOTHING_YET) return found;
    place_close(out);
    *out = PLACE_NONE;
  }
  return walk_find(root, path, (flags & PLACE_FOLLOW) != 0, out, err);
}

// Through /proc/self/fd the very object is opened; without it by name, and compared.
static int reopen(const struct root *root, const struct place *place, int flags) {
  struct stat stat;
  auto_close int fd = -1;
  flags |= O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  if (root->proc_fd >= 0) {
    char number[16];
    print_text(number, sizeof number, "%d", place->fd);
    return openat(root->proc_fd, number, flags);
  }
  fd = openat(place->parent, place->name, flags | O_NOFOLLOW);
  if (fd < 0 || fstat(fd, &stat) != 0) return -1;
  if (!is_same_object(&stat, &place->stat)) {
    errno = EAGAIN;
    return -1;
  }
  return steal_fd(&fd);
}

int place_open(const struct root *root, const struct place *place, int flags, const char *path, struct err *err) {
  int fd;
  if (!S_ISREG(place->stat.st_mode)) return err_fail(err, FAILURE_REFUSED, "open", path, "It is not a regular file.");
  fd = reopen(root, place, flags);
  if (fd < 0 && errno == EAGAIN && root->proc_fd >= 0)
    return err_fail_errno(err, FAILURE_SYSTEM, EAGAIN, "open", path, "Another process holds a lease on it.");
  return fd >= 0 ? fd : err_system(err, errno, "open", path);
}

int place_open_directory(const struct place *place, const char *path, struct err *err) {
  int fd;
  if (!S_ISDIR(place->stat.st_mode)) return err_system(err, ENOTDIR, "open", path);
  // No mount can be crossed by ".", and no link followed.
  fd = openat(place->fd, ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  return fd >= 0 ? fd : err_system(err, errno, "open", path);
}

// The number of the mount that a descriptor is on; -1 where no proc file system tells it.
static long mount_id(const struct root *root, int fd) {
  char name[40], text[512];
  print_text(name, sizeof name, "../fdinfo/%d", fd);
  auto_close int info = root->proc_fd < 0 ? -1 : openat(root->proc_fd, name, O_RDONLY | O_CLOEXEC);
  ssize_t length = info < 0 ? -1 : read(info, text, sizeof text - 1);
  if (length <= 0) return -1;
  text[length] = '\0';
  const char *id = strstr(text, "mnt_id:");
  return id == NULL ? -1 : strtol(id + 7, NULL, 10);
}

// Without openat2 a bind mount is told by an attribute of statx (5.8), before that by its number; another file system by
// its device.
static bool is_mount_root(const struct root *root, int parent, int fd) {
  struct statx status = {0};
  if (syscall(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_TYPE, &status) == 0 &&
      (status.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT))
    return (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
  long id = mount_id(root, fd);
  return id < 0 || id != mount_id(root, parent);
}

int open_subdirectory(const struct root *root, int parent, const char *name, dev_t device) {
  const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  auto_close int fd = -1;
  struct stat status;
  if (root->has_openat2) {
    fd = openat2_retry(parent, name, flags,
                       RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
  } else {
    fd = openat(parent, name, flags);
  }
  if (fd < 0 || fstat(fd, &status) != 0) return -1;
  if ((device != ANY_DEVICE && status.st_dev != device) || (!root->has_openat2 && is_mount_root(root, parent, fd))) {
    errno = EXDEV;
    return -1;
  }
  return steal_fd(&fd);
}
