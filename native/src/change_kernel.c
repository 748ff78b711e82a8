// Writes one value to a file of the kernel's: WRITE_KERNEL.
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cleanup.h"
#include "tree.h"

#define VALUE_MAX 65536u

static bool is_kernel_file_system(long type) {
  return type == CGROUP_SUPER_MAGIC || type == CGROUP2_SUPER_MAGIC || type == PROC_SUPER_MAGIC || type == SYSFS_MAGIC;
}

static int check_current(const struct root *root, const struct change *change, const struct place *place,
                         struct err *err) {
  char value[VALUE_MAX];
  size_t wanted = change->current.length;
  auto_close int fd = place_open(root, place, O_RDONLY, change->path, err);
  ssize_t length = 0, got = 1;
  if (fd < 0) return -1;
  while (got > 0 && (size_t)length < sizeof value) {
    got = read(fd, value + length, sizeof value - (size_t)length);
    if (got < 0) return err_system(err, errno, "read", change->path);
    length += got;
  }
  if (length > 0 && value[length - 1] == '\n') length--;
  if (wanted > 0 && change->current.data[wanted - 1] == '\n') wanted--;
  if ((size_t)length == wanted && memcmp(value, change->current.data, wanted) == 0) return 0;
  return err_fail(err, FAILURE_CONFLICT, "expect", change->path, "The value is not as it was observed.");
}

int change_write_kernel(struct tree *tree, const struct change *change, struct err *err) {
  const struct root *root = tree_root(tree, change->at_host);
  auto_place struct place place = PLACE_NONE;
  auto_close int fd = -1;
  struct statfs file_system;
  ssize_t written;
  if (place_find(root, change->path, PLACE_PARENT | PLACE_FOLLOW, &place, err) != 0) return -1;
  if (expect_check(tree, root, change, &place, err) != 0) return -1;
  if (place.fd < 0) return err_system(err, place.absence, "open", change->path);
  if (fstatfs(place.fd, &file_system) != 0) return err_system(err, errno, "statfs", change->path);
  if (!is_kernel_file_system((long)file_system.f_type)) {
    return err_fail(err, FAILURE_REFUSED, "open", change->path, "It is no file of cgroup, proc or sysfs.");
  }
  if (change->has_current && check_current(root, change, &place, err) != 0) return -1;
  fd = place_open(root, &place, O_WRONLY, change->path, err);
  if (fd < 0) return -1;
  written = write(fd, change->value.data, change->value.length);
  if (written < 0) return err_system(err, errno, "write", change->path);
  if ((size_t)written != change->value.length) return err_system(err, EIO, "write", change->path);
  return 0;
}
