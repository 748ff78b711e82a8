// Compare and swap: whether a thing is as the change expects it.
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "hash.h"
#include "tree.h"

static const char *const type_names[] = {
    "absent", "a file", "a directory", "a link", "a block device", "a character device", "a fifo", "a socket"};

static int conflict(struct err *err, const char *path, const char *what) {
  return err_fail(err, FAILURE_CONFLICT, "expect", path, "%s is not as it was observed.", what);
}

static int check_target(const struct expect *expect, const struct place *place, const char *path, struct err *err) {
  char target[PATH_MAX];
  ssize_t length = S_ISLNK(place->stat.st_mode) ? readlinkat(place->fd, "", target, sizeof target) : 0;
  if (length < 0) return err_system(err, errno, "readlink", path);
  if ((size_t)length != expect->target.length || memcmp(target, expect->target.data, (size_t)length) != 0) {
    return conflict(err, path, "The link's target");
  }
  return 0;
}

static int check_content(struct tree *tree, const struct root *root, const struct expect *expect,
                         const struct place *place, const char *path, struct err *err) {
  struct digests digests;
  struct stat now;
  auto_close int fd = -1;
  if (!S_ISREG(place->stat.st_mode)) return conflict(err, path, "The content");
  fd = place_open(root, place, O_RDONLY, path, err);
  if (fd < 0 || hash_file(tree, fd, HASH_SHA256, path, &digests, err) != 0) return -1;
  if (memcmp(digests.values[0], expect->sha256, 32) != 0) return conflict(err, path, "The content");
  if (fstat(fd, &now) != 0) return err_system(err, errno, "fstat", path);
  if (!is_unchanged(&now, &place->stat)) return conflict(err, path, "The content (while it was read)");
  return 0;
}

int expect_check(struct tree *tree, const struct root *root, const struct change *change, const struct place *place,
                 struct err *err) {
  const struct expect *expect = &change->expect;
  // First: what was swapped for a link since it was observed leads to a thing that is nobody's business.
  if ((expect->flags & EXPECT_REAL) && strcmp(expect->real, place->real) != 0) {
    return err_fail(err, FAILURE_CONFLICT, "expect", change->path,
                    "The path leads elsewhere than when it was observed.");
  }
  uint8_t type = place->fd < 0 ? TYPE_ABSENT : stat_type_of(place->stat.st_mode);
  if ((expect->flags & EXPECT_TYPE) && type != expect->type) {
    return err_fail(err, FAILURE_CONFLICT, "expect", change->path, "It is %s now, and was %s when it was observed.",
                    type_names[type], type_names[expect->type]);
  }
  if (type == TYPE_ABSENT) {
    return expect->flags & ~(EXPECT_TYPE | EXPECT_REAL) ? conflict(err, change->path, "What was there (now absent)") : 0;
  }
  struct stat shown = place->stat;
  ids_show(&root->ids, &shown);
  if ((expect->flags & EXPECT_OWNER) && (shown.st_uid != expect->uid || shown.st_gid != expect->gid)) {
    return conflict(err, change->path, "The owner");
  }
  if ((expect->flags & EXPECT_MODE) && (place->stat.st_mode & 07777) != expect->mode)
    return conflict(err, change->path, "The mode");
  if ((expect->flags & EXPECT_TARGET) && check_target(expect, place, change->path, err) != 0) return -1;
  if ((expect->flags & EXPECT_SHA256) && check_content(tree, root, expect, place, change->path, err) != 0) return -1;
  return 0;
}

bool expects_absence(const struct change *change) {
  return (change->expect.flags & EXPECT_TYPE) && change->expect.type == TYPE_ABSENT;
}

int exists_already(const struct change *change, const char *step, struct err *err) {
  if (!expects_absence(change)) return err_system(err, EEXIST, step, change->path);
  return err_fail_errno(err, FAILURE_CONFLICT, EEXIST, step, change->path, "Something was made there meanwhile.");
}

int expect_again(const struct change *change, const struct place *place, struct err *err) {
  struct stat now;
  if ((change->expect.flags & ~EXPECT_REAL) == 0 || place->fd < 0) return 0;
  if (fstatat(place->parent, place->name, &now, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno != ENOENT) return err_system(err, errno, "fstatat", change->path);
    return conflict(err, change->path, "What was there (now absent)");
  }
  if (!is_same_object(&now, &place->stat)) return conflict(err, change->path, "What was there (now another)");
  if ((change->expect.flags & EXPECT_SHA256) && !is_unchanged(&now, &place->stat))
    return conflict(err, change->path, "The content");
  return 0;
}
