// Changes of names: MAKE_DIRECTORY, MAKE_LINK, HARD_LINK, RENAME.
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cleanup.h"
#include "content.h"
#include "temp.h"
#include "tree.h"

// The mode of a directory is changed through a descriptor of its own: nothing that took its name in between is touched.
static int own_directory(const struct change *change, int parent, const char *name, struct err *err) {
  auto_close int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  uid_t uid = change->uid != ID_KEEP ? change->uid : ids_file_user();
  gid_t gid = change->gid != ID_KEEP ? change->gid : ids_file_group();
  struct stat stat;
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

// Its directories are what they are as soon as they are there, and most cannot be renamed.
static bool is_of_cgroups(int fd) {
  struct statfs file_system;
  return fstatfs(fd, &file_system) == 0 &&
         (file_system.f_type == CGROUP_SUPER_MAGIC || file_system.f_type == CGROUP2_SUPER_MAGIC);
}

static int make_cgroup(const struct change *change, const struct place *place, struct err *err) {
  if (mkdirat(place->parent, place->name, 0700) == 0) return own_directory(change, place->parent, place->name, err);
  return errno == EEXIST ? exists_already(change, "mkdir", err) : err_system(err, errno, "mkdir", change->path);
}

// Under an interim name until it has its owner and mode: one that is there but half made would pass for an old one the
// next time.
int change_make_directory(struct tree *tree, const struct change *change, struct err *err) {
  const struct root *root = tree_root(tree, change->at_host);
  auto_place struct place place = PLACE_NONE;
  struct interim interim = INTERIM_NONE;
  if (place_find(root, change->path, PLACE_PARENT, &place, err) != 0) return -1;
  if (expect_check(tree, root, change, &place, err) != 0) return -1;
  if (place.parent < 0) return err_system(err, place.absence, "mkdir", change->path);
  if (place.fd >= 0) return exists_already(change, "mkdir", err);
  if (is_of_cgroups(place.parent)) return make_cgroup(change, &place, err);
  interim_take(&interim, place.parent);
  while (mkdirat(place.parent, interim.name, 0700) != 0) {
    int error = errno;
    if (interim_retry(&interim, error)) continue;
    interim_end(&interim);
    return err_system(err, error, "mkdir", change->path);
  }
  int status = own_directory(change, place.parent, interim.name, err);
  if (status == 0 && rename_new(place.parent, interim.name, place.name) != 0)
    status = errno == EEXIST || errno == ENOTEMPTY ? exists_already(change, "mkdir", err)
                                                   : err_system(err, errno, "rename", change->path);
  if (status != 0) unlinkat(place.parent, interim.name, AT_REMOVEDIR);
  interim_end(&interim);
  return status;
}

// The last steps of what was made under an interim name.
static int swap_in_interim(const struct change *change, const struct place *place, struct interim *interim,
                           struct err *err) {
  if (expect_again(change, place, err) == 0)
    return interim_rename(interim, place->parent, place->name, expects_absence(change), change->path, err);
  unlinkat(place->parent, interim->name, 0);
  interim_end(interim);
  return -1;
}

// Through a descriptor, and only if it is a link without other names: what took the name meanwhile may be a file of the
// host's under another name of its own.
static int own_link(int parent, const char *name, uid_t uid, gid_t gid, const char *path, struct err *err) {
  auto_close int fd = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  struct stat stat;
  if (fd < 0 || fstat(fd, &stat) != 0) return err_system(err, errno, "open", path);
  if (!S_ISLNK(stat.st_mode) || stat.st_nlink != 1)
    return err_fail(err, FAILURE_CONFLICT, "chown", path, "Another thing took its name at once.");
  if (fchownat(fd, "", uid, gid, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) == 0) return 0;
  return err_system(err, errno, "chown", path);
}

int change_make_link(struct tree *tree, const struct change *change, struct err *err) {
  const struct root *root = tree_root(tree, change->at_host);
  auto_place struct place place = PLACE_NONE;
  struct interim interim = INTERIM_NONE;
  uid_t uid = change->uid;
  gid_t gid = change->gid;
  if (place_for_new(tree, root, change, 0, &place, err) != 0) return -1;
  if (place.fd >= 0 && S_ISLNK(place.stat.st_mode)) {
    if (uid == ID_KEEP) uid = place.stat.st_uid;
    if (gid == ID_KEEP) gid = place.stat.st_gid;
  }
  const bool has_owner = uid != ID_KEEP || gid != ID_KEEP;
  if (place.fd < 0 && !has_owner) {
    // Nothing is replaced, so it is whole at once.
    if (symlinkat(change->other, place.parent, place.name) == 0) return 0;
    if (errno != EEXIST) return err_system(err, errno, "symlink", change->path);
    if (expects_absence(change)) return exists_already(change, "symlink", err);
  }
  interim_take(&interim, place.parent);
  while (symlinkat(change->other, place.parent, interim.name) != 0) {
    int error = errno;
    if (interim_retry(&interim, error)) continue;
    interim_end(&interim);
    return err_system(err, error, "symlink", change->path);
  }
  if (has_owner && own_link(place.parent, interim.name, uid, gid, change->path, err) != 0) {
    unlinkat(place.parent, interim.name, 0);
    interim_end(&interim);
    return -1;
  }
  return swap_in_interim(change, &place, &interim, err);
}

int change_hard_link(struct tree *tree, const struct change *change, struct err *err) {
  const struct root *root = tree_root(tree, change->at_host);
  auto_place struct place place = PLACE_NONE;
  auto_place struct place source = PLACE_NONE;
  struct interim interim = INTERIM_NONE;
  if (place_find(root, change->other, 0, &source, err) != 0) return -1;
  if (source.fd < 0) return err_system(err, source.absence, "link", change->other);
  if (place_for_new(tree, root, change, 0, &place, err) != 0) return -1;
  // Renaming one name of a file over another does nothing, and would leave both.
  if (place.fd >= 0 && is_same_object(&place.stat, &source.stat)) return 0;
  if (place.fd < 0) {
    if (link_descriptor(root, source.fd, place.parent, place.name) == 0) return 0;
    if (errno != EEXIST) return err_system(err, errno, "link", change->path);
    if (expects_absence(change)) return exists_already(change, "link", err);
  }
  interim_take(&interim, place.parent);
  while (link_descriptor(root, source.fd, place.parent, interim.name) != 0) {
    int error = errno;
    if (interim_retry(&interim, error)) continue;
    interim_end(&interim);
    return err_system(err, error, "link", change->path);
  }
  return swap_in_interim(change, &place, &interim, err);
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
