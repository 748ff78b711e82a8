// Changes of names: MAKE_DIRECTORY, MAKE_LINK, HARD_LINK, RENAME.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cleanup.h"
#include "content.h"
#include "temp.h"
#include "tree.h"

// The mode of a directory is changed through a descriptor of its own: nothing that took its name in between is touched.
int change_make_directory(struct tree *tree, const struct change *change, struct err *err) {
  const struct root *root = tree_root(tree, change->at_host);
  auto_place struct place place = PLACE_NONE;
  auto_close int fd = -1;
  uid_t uid = change->uid != ID_KEEP ? change->uid : ids_file_user();
  gid_t gid = change->gid != ID_KEEP ? change->gid : ids_file_group();
  struct stat stat;
  if (place_find(root, change->path, PLACE_PARENT, &place, err) != 0) return -1;
  if (expect_check(tree, root, change, &place, err) != 0) return -1;
  if (place.parent < 0) return err_system(err, place.absence, "mkdir", change->path);
  if (place.fd >= 0) return exists_already(change, "mkdir", err);
  if (mkdirat(place.parent, place.name, 0700) != 0) {
    return errno == EEXIST ? exists_already(change, "mkdir", err) : err_system(err, errno, "mkdir", change->path);
  }
  fd = openat(place.parent, place.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0 || fstat(fd, &stat) != 0) return err_system(err, errno, "open", change->path);
  if (stat.st_uid != ids_file_user() || stat.st_nlink > 2) {
    return err_fail(err, FAILURE_CONFLICT, "mkdir", change->path, "Another directory took its name at once.");
  }
  if ((stat.st_uid != uid || stat.st_gid != gid) && fchown(fd, uid, gid) != 0)
    return err_system(err, errno, "chown", change->path);
  // A parent's setgid bit is inherited where no mode is asked for.
  mode_t mode = change->mode != MODE_KEEP ? change->mode : (mode_t)(0755 | (stat.st_mode & S_ISGID));
  return fchmod(fd, mode) == 0 ? 0 : err_system(err, errno, "chmod", change->path);
}

int change_make_link(struct tree *tree, const struct change *change, struct err *err) {
  const struct root *root = tree_root(tree, change->at_host);
  auto_place struct place place = PLACE_NONE;
  char name[32];
  uid_t uid = change->uid;
  gid_t gid = change->gid;
  if (place_for_new(tree, root, change, 0, &place, err) != 0) return -1;
  if (place.fd >= 0 && S_ISLNK(place.stat.st_mode)) {
    if (uid == ID_KEEP) uid = place.stat.st_uid;
    if (gid == ID_KEEP) gid = place.stat.st_gid;
  }
  temp_name(name);
  if (symlinkat(change->other, place.parent, name) != 0) return err_system(err, errno, "symlink", change->path);
  if ((uid != ID_KEEP || gid != ID_KEEP) && fchownat(place.parent, name, uid, gid, AT_SYMLINK_NOFOLLOW) != 0) {
    int error = errno;
    unlinkat(place.parent, name, 0);
    return err_system(err, error, "chown", change->path);
  }
  if (expect_again(change, &place, err) != 0) {
    unlinkat(place.parent, name, 0);
    return -1;
  }
  return temp_rename(place.parent, name, place.name, expects_absence(change), change->path, err);
}

int change_hard_link(struct tree *tree, const struct change *change, struct err *err) {
  const struct root *root = tree_root(tree, change->at_host);
  auto_place struct place place = PLACE_NONE;
  auto_place struct place source = PLACE_NONE;
  char name[32];
  if (place_find(root, change->other, 0, &source, err) != 0) return -1;
  if (source.fd < 0) return err_system(err, source.absence, "link", change->other);
  if (place_for_new(tree, root, change, 0, &place, err) != 0) return -1;
  // Renaming one name of a file over another does nothing, and would leave both.
  if (place.fd >= 0 && is_same_object(&place.stat, &source.stat)) return 0;
  temp_name(name);
  if (link_descriptor(root, source.fd, place.parent, name) != 0) return err_system(err, errno, "link", change->path);
  if (expect_again(change, &place, err) != 0) {
    unlinkat(place.parent, name, 0);
    return -1;
  }
  return temp_rename(place.parent, name, place.name, expects_absence(change), change->path, err);
}

// A file system that cannot rename without replacing: no directory that holds something is ever replaced, and a link fails
// where the name is taken.
static int rename_new_without(const struct place *place, const struct place *to) {
  if (S_ISDIR(place->stat.st_mode)) return renameat(place->parent, place->name, to->parent, to->name);
  if (linkat(place->parent, place->name, to->parent, to->name, 0) != 0) return -1;
  return unlinkat(place->parent, place->name, 0);
}

static int rename_place(const struct place *place, const struct place *to, unsigned flags) {
  // RENAME_NOREPLACE and RENAME_EXCHANGE of the kernel.
  unsigned kernel_flags = flags & RENAME_SWAP ? 2 : flags & RENAME_NEW ? 1 : 0;
  if (kernel_flags == 0) return renameat(place->parent, place->name, to->parent, to->name);
  long result = syscall(SYS_renameat2, place->parent, place->name, to->parent, to->name, kernel_flags);
  if (result == 0 || (flags & RENAME_SWAP) || (errno != EINVAL && errno != ENOSYS)) return (int)result;
  return rename_new_without(place, to);
}

int change_rename(struct tree *tree, const struct change *change, struct err *err) {
  const struct root *root = tree_root(tree, change->at_host);
  auto_place struct place place = PLACE_NONE;
  auto_place struct place to = PLACE_NONE;
  const bool swaps = (change->flags & RENAME_SWAP) != 0;
  if (place_find(root, change->path, PLACE_PARENT, &place, err) != 0) return -1;
  if (expect_check(tree, root, change, &place, err) != 0) return -1;
  if (place.fd < 0) return err_system(err, place.absence, "rename", change->path);
  if (place_find(root, change->other, PLACE_PARENT, &to, err) != 0) return -1;
  if (to.parent < 0 || (swaps && to.fd < 0)) return err_system(err, to.absence, "rename", change->other);
  if (to.fd >= 0 && (change->flags & RENAME_NEW)) return err_system(err, EEXIST, "rename", change->other);
  if (to.fd >= 0 && S_ISDIR(to.stat.st_mode) && !swaps) return err_system(err, EISDIR, "rename", change->other);
  if (expect_again(change, &place, err) != 0) return -1;
  if (rename_place(&place, &to, change->flags) == 0) return 0;
  if (swaps && (errno == EINVAL || errno == ENOSYS))
    return err_fail_errno(err, FAILURE_REFUSED, errno, "rename", change->path,
                          "The file system cannot exchange two names.");
  return err_system(err, errno, "rename", errno == EEXIST ? change->other : change->path);
}
