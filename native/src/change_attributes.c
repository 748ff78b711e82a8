// Changes owner, mode, times and flags of what is there: SET_ATTRIBUTES.
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "content.h"
#include "print.h"
#include "temp.h"
#include "tree.h"

// A path to the very object of an O_PATH descriptor, for calls that take no such descriptor. Needs a proc file system.
static void descriptor_path(int fd, char path[40]) {
  print_text(path, 40, "/proc/self/fd/%d", fd);
}

static bool changes_nothing(const struct change *change, const struct stat *stat) {
  return (change->uid == ID_KEEP || change->uid == stat->st_uid) &&
         (change->gid == ID_KEEP || change->gid == stat->st_gid) &&
         (change->mode == MODE_KEEP || change->mode == (stat->st_mode & 07777)) && change->atime.kind == 0 &&
         change->mtime.kind == 0 && change->flags_set == 0 && change->flags_clear == 0;
}

static int change_flags(const struct root *root, const struct change *change, const struct place *place, uint32_t set,
                        uint32_t clear, struct err *err) {
  auto_close int fd = -1;
  int flags = 0, wanted;
  if (set == 0 && clear == 0) return 0;
  fd = S_ISDIR(place->stat.st_mode) ? place_open_directory(place, change->path, err)
                                    : place_open(root, place, O_RDONLY, change->path, err);
  if (fd < 0) return -1;
  if (ioctl(fd, FS_IOC_GETFLAGS, &flags) != 0) return err_system(err, errno, "FS_IOC_GETFLAGS", change->path);
  wanted = (int)(((uint32_t)flags & ~clear) | set);
  if (wanted == flags) return 0;
  return ioctl(fd, FS_IOC_SETFLAGS, &wanted) == 0 ? 0 : err_system(err, errno, "FS_IOC_SETFLAGS", change->path);
}

static int change_owner(const struct change *change, const struct place *place, struct err *err) {
  if (change->uid == ID_KEEP && change->gid == ID_KEEP) return 0;
  if (fchownat(place->fd, "", change->uid, change->gid, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) == 0) return 0;
  return err_system(err, errno, "chown", change->path);
}

// After the owner, whose change takes the setuid bit away, even where the mode is to be kept.
static int change_mode(const struct change *change, const struct place *place, struct err *err) {
  mode_t wanted = change->mode == MODE_KEEP ? place->stat.st_mode & 07777 : change->mode;
  char path[40];
  struct stat now;
  if (S_ISLNK(place->stat.st_mode)) return 0;
  if (fstat(place->fd, &now) != 0) return err_system(err, errno, "fstat", change->path);
  if ((now.st_mode & 07777) == wanted) return 0;
  descriptor_path(place->fd, path);
  return chmod(path, wanted) == 0 ? 0 : err_system(err, errno, "chmod", change->path);
}

static int change_times(const struct change *change, const struct place *place, struct err *err) {
  struct timespec times[2];
  char path[40];
  if (change->atime.kind == 0 && change->mtime.kind == 0) return 0;
  to_timespec(&change->atime, &times[0]);
  to_timespec(&change->mtime, &times[1]);
  if (utimensat(place->fd, "", times, AT_EMPTY_PATH) == 0) return 0;
  // Kernels before 5.8 take no O_PATH descriptor here.
  descriptor_path(place->fd, path);
  if (!S_ISLNK(place->stat.st_mode) && utimensat(AT_FDCWD, path, times, 0) == 0) return 0;
  return err_system(err, errno, "utimens", change->path);
}

// A file with other names may have one outside of the tree: it gets a copy of its own; what cannot be copied is
// refused.
static int replace_shared(struct tree *tree, const struct root *root, const struct change *change, struct place *place,
                          struct err *err) {
  auto_temp struct temp temp = TEMP_NONE;
  struct place copy = *place;
  if (!S_ISREG(place->stat.st_mode)) {
    return err_fail(err, FAILURE_REFUSED, "chown", change->path,
                    "It has other names (hard links), which would change with it.");
  }
  if (replace_by_copy(tree, root, change, place, &temp, err) != 0) return -1;
  copy.fd = temp.fd;
  if (fstat(copy.fd, &copy.stat) != 0) return err_system(err, errno, "fstat", change->path);
  if (change_owner(change, &copy, err) != 0 || change_mode(change, &copy, err) != 0 ||
      change_times(change, &copy, err) != 0)
    return -1;
  if (swap_in(tree, root, change, place, &temp, err) != 0) return -1;
  return change_flags(root, change, &copy, change->flags_set, change->flags_clear, err);
}

int change_set_attributes(struct tree *tree, const struct change *change, struct err *err) {
  const struct root *root = tree_root(tree, change->at_host);
  auto_place struct place place = PLACE_NONE;
  unsigned follow = change->flags & ATTRIBUTES_FOLLOW ? PLACE_FOLLOW : 0;
  if (place_find(root, change->path, PLACE_PARENT | follow, &place, err) != 0) return -1;
  if (expect_check(tree, root, change, &place, err) != 0) return -1;
  if (place.fd < 0) return err_system(err, place.absence, "open", change->path);
  if (changes_nothing(change, &place.stat)) return 0;
  if (!S_ISDIR(place.stat.st_mode) && !S_ISLNK(place.stat.st_mode) && place.stat.st_nlink > 1 &&
      !(change->flags & ATTRIBUTES_ALLOW_HARD_LINKS)) {
    return replace_shared(tree, root, change, &place, err);
  }
  if (expect_again(change, &place, err) != 0) return -1;
  // Flags such as "immutable" are cleared before all else, and set after it.
  if (change_flags(root, change, &place, 0, change->flags_clear, err) != 0) return -1;
  if (change_owner(change, &place, err) != 0 || change_mode(change, &place, err) != 0 ||
      change_times(change, &place, err) != 0)
    return -1;
  return change_flags(root, change, &place, change->flags_set, 0, err);
}
