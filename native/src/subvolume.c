// Makes, changes and removes subvolumes of btrfs: SUBVOLUME, SET_SUBVOLUME, and a part of REMOVE.
#include "subvolume.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cleanup.h"
#include "kernel.h"
#include "tree.h"

// Numbers of inodes that the file system's format gives to a subvolume's root, and to what a snapshot has in the place
// of a subvolume beneath it.
#define INODE_OF_ROOT 256
#define INODE_OF_GAP 2
// Subvolumes in subvolumes: each costs a descriptor or two.
#define NESTED_MAX 32

static bool is_on_btrfs(int fd) {
  struct statfs file_system;
  return fstatfs(fd, &file_system) == 0 && (unsigned long)file_system.f_type == BTRFS_SUPER_MAGIC;
}

bool is_subvolume(int fd) {
  struct stat stat;
  return fstat(fd, &stat) == 0 && S_ISDIR(stat.st_mode) && stat.st_ino == INODE_OF_ROOT && is_on_btrfs(fd);
}

int subvolume_is_read_only(int fd) {
  uint64_t flags = 0;
  if (ioctl(fd, BTRFS_IOC_SUBVOL_GETFLAGS, &flags) != 0) return -1;
  return (flags & BTRFS_SUBVOL_RDONLY) != 0;
}

static int set_read_only(int fd, bool is_read_only) {
  uint64_t flags = is_read_only ? BTRFS_SUBVOL_RDONLY : 0;
  int now = subvolume_is_read_only(fd);
  if (now == (int)is_read_only) return 0;
  return now < 0 ? -1 : ioctl(fd, BTRFS_IOC_SUBVOL_SETFLAGS, &flags);
}

int open_subvolume(const struct root *root, int parent, const char *name) {
  auto_close int fd = open_subdirectory(root, parent, name, ANY_DEVICE);
  if (fd >= 0 && is_subvolume(fd)) return steal_fd(&fd);
  if (fd >= 0) errno = EXDEV;
  return -1;
}

// A directory to be acted in: links and mounts on the way to it are none of a subvolume's own.
static int open_way(const struct root *root, int fd, const char *path) {
  const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK;
  if (path[0] == '\0' || !root->has_openat2) return openat(fd, path[0] == '\0' ? "." : path, flags | O_CLOEXEC);
  return kernel_open_beneath(fd, path, (uint64_t)flags,
                             RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
}

// The subvolumes right beneath another, in the order of their numbers.
struct nested {
  uint64_t next;  // the least number that was not told yet
  struct btrfs_ioctl_ino_lookup_user_args found;
};

// 1: the next one, its directory opened; 0: there is no other; -1 and errno. Kernels before 4.18 tell of none.
static int nested_next(struct nested *nested, const struct root *root, int fd, int *directory) {
  struct btrfs_ioctl_get_subvol_rootref_args refs = {.min_treeid = nested->next};
  if (ioctl(fd, BTRFS_IOC_GET_SUBVOL_ROOTREF, &refs) != 0 && errno != EOVERFLOW) return errno == ENOTTY ? 0 : -1;
  if (refs.num_items == 0) return 0;
  nested->found.treeid = refs.rootref[0].treeid;
  nested->found.dirid = refs.rootref[0].dirid;
  nested->next = refs.rootref[0].treeid + 1;
  if (ioctl(fd, BTRFS_IOC_INO_LOOKUP_USER, &nested->found) != 0) return -1;
  *directory = open_way(root, fd, nested->found.path);
  return *directory < 0 ? -1 : 1;
}

static int destroy(const struct root *root, int parent, const char *name, unsigned depth) {
  auto_close int fd = open_subvolume(root, parent, name);
  struct nested nested = {0};
  struct btrfs_ioctl_vol_args arguments = {0};
  if (fd < 0) return -1;
  // What is read-only keeps what is beneath it. Without the right to change that, the removal says so.
  (void)set_read_only(fd, false);
  while (depth < NESTED_MAX) {
    auto_close int directory = -1;
    int found = nested_next(&nested, root, fd, &directory);
    if (found < 0 || (found > 0 && destroy(root, directory, nested.found.name, depth + 1) != 0)) return -1;
    if (found == 0) break;
  }
  strcpy(arguments.name, name);
  return ioctl(parent, BTRFS_IOC_SNAP_DESTROY, &arguments);
}

int subvolume_destroy(const struct root *root, int parent, const char *name) {
  return destroy(root, parent, name, 0);
}

static int snapshot(const struct root *root, int source, int parent, const char *name, bool is_read_only,
                    unsigned depth);

// A snapshot holds nothing of the subvolumes beneath its source, only a gap with their name: it is filled by a snapshot
// of each.
static int fill_gap(const struct root *root, int from, int into, const char *name, bool is_read_only, unsigned depth) {
  auto_close int source = open_subvolume(root, from, name);
  struct stat gap, directory;
  if (source < 0 || fstat(into, &directory) != 0 || fstatat(into, name, &gap, AT_SYMLINK_NOFOLLOW) != 0) return -1;
  if (gap.st_ino != INODE_OF_GAP) {
    errno = EAGAIN;
    return -1;
  }
  if (unlinkat(into, name, AT_REMOVEDIR) != 0) return -1;
  if (snapshot(root, source, into, name, is_read_only, depth) != 0) return -1;
  // The directory is as it was in the source.
  return futimens(into, (struct timespec[]){directory.st_atim, directory.st_mtim});
}

static int fill_gaps(const struct root *root, int source, int made, bool is_read_only, unsigned depth) {
  struct nested nested = {0};
  for (;;) {
    auto_close int from = -1;
    auto_close int into = -1;
    int found = nested_next(&nested, root, source, &from);
    if (found <= 0) return found;
    if (depth == NESTED_MAX) {
      errno = ELOOP;
      return -1;
    }
    into = open_way(root, made, nested.found.path);
    if (into < 0 || fill_gap(root, from, into, nested.found.name, is_read_only, depth + 1) != 0) return -1;
  }
}

static int snapshot(const struct root *root, int source, int parent, const char *name, bool is_read_only,
                    unsigned depth) {
  struct btrfs_ioctl_vol_args_v2 arguments = {.fd = source};
  auto_close int made = -1;
  strcpy(arguments.name, name);
  if (ioctl(parent, BTRFS_IOC_SNAP_CREATE_V2, &arguments) != 0) return -1;
  made = open_subvolume(root, parent, name);
  if (made >= 0 && fill_gaps(root, source, made, is_read_only, depth) == 0 && set_read_only(made, is_read_only) == 0)
    return 0;
  int error = errno;
  (void)destroy(root, parent, name, 0);
  errno = error;
  return -1;
}

static int make_empty(const struct root *root, int parent, const char *name, bool is_read_only) {
  struct btrfs_ioctl_vol_args arguments = {0};
  auto_close int made = -1;
  strcpy(arguments.name, name);
  mode_t before = umask(022);
  int result = ioctl(parent, BTRFS_IOC_SUBVOL_CREATE, &arguments);
  umask(before);
  if (result != 0 || !is_read_only) return result;
  made = open_subvolume(root, parent, name);
  return made < 0 ? -1 : set_read_only(made, true);
}

static int refuse(const char *path, const char *message, struct err *err) {
  return err_fail(err, FAILURE_REFUSED, "subvolume", path, "%s", message);
}

static int open_as_subvolume(const struct root *root, const char *path, struct err *err) {
  auto_place struct place place = PLACE_NONE;
  auto_close int fd = -1;
  if (place_find(root, path, 0, &place, err) != 0) return -1;
  if (place.fd < 0) return err_system(err, place.absence, "open", path);
  if (!is_subvolume(place.fd)) return refuse(path, "It is no subvolume of a btrfs file system.", err);
  fd = place_open_directory(&place, path, err);
  return steal_fd(&fd);
}

int change_subvolume(struct tree *tree, const struct change *change, struct err *err) {
  const struct root *root = tree_root(tree, change->at_host);
  const bool is_read_only = (change->flags & SUBVOLUME_READ_ONLY) != 0;
  auto_place struct place place = PLACE_NONE;
  auto_close int parent = -1;
  auto_close int source = -1;
  int result;
  if (place_find(root, change->path, PLACE_PARENT, &place, err) != 0) return -1;
  if (expect_check(tree, root, change, &place, err) != 0) return -1;
  if (place.parent < 0) return err_system(err, place.absence, "subvolume", change->path);
  if (place.fd >= 0) return exists_already(change, "subvolume", err);
  parent = openat(place.parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (parent < 0) return err_system(err, errno, "open", change->path);
  if (!is_on_btrfs(parent)) return refuse(change->path, "There is no btrfs file system there.", err);
  if (change->other[0] != '\0' && (source = open_as_subvolume(root, change->other, err)) < 0) return -1;
  result = source < 0 ? make_empty(root, parent, place.name, is_read_only)
                      : snapshot(root, source, parent, place.name, is_read_only, 0);
  if (result == 0) return 0;
  if (errno == EEXIST) return exists_already(change, "subvolume", err);
  if (errno == EXDEV) return refuse(change->other, "It lies on another file system than its snapshot would.", err);
  return err_system(err, errno, "subvolume", change->path);
}

int change_set_subvolume(struct tree *tree, const struct change *change, struct err *err) {
  const struct root *root = tree_root(tree, change->at_host);
  auto_place struct place place = PLACE_NONE;
  auto_close int fd = -1;
  if (place_find(root, change->path, PLACE_PARENT, &place, err) != 0) return -1;
  if (expect_check(tree, root, change, &place, err) != 0) return -1;
  fd = open_as_subvolume(root, place.real, err);
  if (fd < 0) return -1;
  if (set_read_only(fd, (change->flags & SUBVOLUME_READ_ONLY) != 0) == 0) return 0;
  return err_system(err, errno, "subvolume", change->path);
}
