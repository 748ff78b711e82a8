// Makes /dev for a tree: nodes of its own where mknod is allowed, else the outer ones, read-only.
#include "device_mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cleanup.h"
#include "kernel.h"
#include "mounts.h"

static int fail(struct err *err, const char *step, const char *path) {
  return err_fail_errno(err, FAILURE_ENTRY, errno, step, path, "the tree could not be entered: %s /dev/%s", step, path);
}

static int verify_device(int fd, const char *name, dev_t number, struct err *err) {
  struct stat status;
  if (fstat(fd, &status) < 0) return fail(err, "fstat", name);
  if (S_ISCHR(status.st_mode) && status.st_rdev == number) return 0;
  return err_fail(err, FAILURE_ENTRY, "verify a device", name, "/dev/%s is not the device of that name", name);
}

int open_device(const char *name, dev_t number, struct err *err) {
  auto_close int directory = open("/dev", O_PATH | O_DIRECTORY | O_CLOEXEC);
  auto_close int fd = directory < 0 ? -1 : openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return fail(err, "open the host's", name);
  return verify_device(fd, name, number, err) < 0 ? -1 : steal_fd(&fd);
}

// A node bound onto itself, or the outer one onto an empty file: there, and only there, the device opens. The outer one
// is read-only: its mode and owner are the host's (writing to a device needs no writable mount).
static int mount_node(int dev, const char *name, dev_t number, struct err *err) {
  auto_close int source = -1;
  auto_target struct target at = {.fd = -1};
  bool is_own = mknodat(dev, name, S_IFCHR | 0666, number) == 0;
  if (is_own) {
    if (fchmodat(dev, name, 0666, 0) < 0) return fail(err, "chmod", name);
  } else {
    if (errno != EPERM) return fail(err, "mknod", name);
    auto_close int file = openat(dev, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
    if (file < 0) return fail(err, "create", name);
    if ((source = open_device(name, number, err)) < 0) return -1;
  }
  if (target_open(&at, dev, name, TARGET_FILE, err) <= 0) return -1;
  auto_close int mounted = mount_bind(is_own ? at.fd : source, &at, false,
                                      KERNEL_ATTR_NOSUID | KERNEL_ATTR_NOEXEC | (is_own ? 0 : KERNEL_ATTR_RDONLY), err);
  return mounted < 0 ? -1 : verify_device(mounted, name, number, err);
}

static int mount_pts(int dev, struct err *err) {
  static const char *const with_group[] = {"newinstance", NULL, "ptmxmode", "0666", "mode", "0620", "gid", "5", NULL};
  static const char *const without_group[] = {"newinstance", NULL, "ptmxmode", "0666", "mode", "0600", NULL};
  auto_target struct target at = {.fd = -1};
  if (mkdirat(dev, "pts", 0755) < 0) return fail(err, "mkdir", "pts");
  if (target_open(&at, dev, "pts", TARGET_DIRECTORY, err) <= 0) return -1;
  unsigned attributes = KERNEL_ATTR_NOSUID | KERNEL_ATTR_NOEXEC;
  auto_close int pts = mount_fresh(&at, "devpts", KERNEL_DEVPTS_MAGIC, with_group, attributes, err);
  // A user namespace that maps a single id has no group tty.
  if (pts < 0 && err->errno_ == EINVAL)
    pts = mount_fresh(&at, "devpts", KERNEL_DEVPTS_MAGIC, without_group, attributes, err);
  if (pts < 0) return -1;
  return symlinkat("pts/ptmx", dev, "ptmx") < 0 ? fail(err, "link", "ptmx") : 0;
}

static int mount_shm(int dev, struct err *err) {
  static const char *const options[] = {"mode", "1777", NULL};
  auto_target struct target at = {.fd = -1};
  if (mkdirat(dev, "shm", 01777) < 0) return fail(err, "mkdir", "shm");
  if (target_open(&at, dev, "shm", TARGET_DIRECTORY, err) <= 0) return -1;
  auto_close int shm =
      mount_fresh(&at, "tmpfs", KERNEL_TMPFS_MAGIC, options, KERNEL_ATTR_NOSUID | KERNEL_ATTR_NODEV, err);
  return shm < 0 ? -1 : 0;
}

int mount_devices(int root, int *dev, struct err *err) {
  static const char *const options[] = {"mode", "0755", NULL};
  static const struct {
    const char *name;
    unsigned major, minor;
  } nodes[] = {{"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}};
  static const char *const links[][2] = {{"fd", "/proc/self/fd"},
                                         {"stdin", "/proc/self/fd/0"},
                                         {"stdout", "/proc/self/fd/1"},
                                         {"stderr", "/proc/self/fd/2"}};
  auto_target struct target at = {.fd = -1};
  int is_there = target_open(&at, root, "dev", TARGET_DIRECTORY, err);
  if (is_there <= 0) return is_there;
  // Not nodev yet: the nodes' own mounts are copies of this one, made while it still opens devices.
  auto_close int mounted = mount_fresh(&at, "tmpfs", KERNEL_TMPFS_MAGIC, options, KERNEL_ATTR_NOSUID, err);
  if (mounted < 0) return -1;
  for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++) {
    if (mount_node(mounted, nodes[i].name, makedev(nodes[i].major, nodes[i].minor), err) < 0) return -1;
  }
  for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
    if (symlinkat(links[i][1], mounted, links[i][0]) < 0) return fail(err, "link", links[i][0]);
  }
  if (mount_pts(mounted, err) < 0 || mount_shm(mounted, err) < 0) return -1;
  if (mount_restrict(mounted, KERNEL_ATTR_NODEV, err) < 0) return -1;
  *dev = steal_fd(&mounted);
  return 0;
}

// The directory of a path beneath /dev, made where it is absent; `name` becomes its last part. A link is followed by
// nobody: root of the tree can write here.
static int open_parent(int dev, const char *path, const char **name, struct err *err) {
  auto_close int directory = dup(dev);
  if (directory < 0) return fail(err, "dup", "");
  *name = path + strlen("/dev/");
  for (const char *slash = strchr(*name, '/'); slash != NULL; slash = strchr(*name, '/')) {
    char part[NAME_MAX + 1] = "";
    if ((size_t)(slash - *name) >= sizeof part) return errno = ENAMETOOLONG, fail(err, "open", *name);
    memcpy(part, *name, (size_t)(slash - *name));
    if (mkdirat(directory, part, 0755) < 0 && errno != EEXIST) return fail(err, "mkdir", part);
    int below = openat(directory, part, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (below < 0) return fail(err, "open", part);
    close(directory);
    directory = below;
    *name = slash + 1;
  }
  return steal_fd(&directory);
}

static int mount_allowed(int dev, int nodes, const struct exec_device *device, struct err *err) {
  static const char node[] = "node";
  const char *name = NULL;
  if (mknodat(nodes, node, (device->type & S_IFMT) | 0666, device->number) < 0)
    return err_fail_errno(err, FAILURE_ENTRY, errno, "allow", device->path, "%.200s cannot be had%s", device->path,
                          errno == EPERM ? ": device nodes are made as root alone" : "");
  if (fchmodat(nodes, node, 0666, 0) < 0) return fail(err, "chmod", device->path);
  auto_close int source = openat(nodes, node, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  auto_close int parent = source < 0 ? -1 : open_parent(dev, device->path, &name, err);
  if (parent < 0) return source < 0 ? fail(err, "open", device->path) : -1;
  // NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): open_parent gives a name with its descriptor
  auto_close int file = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
  if (file < 0 && errno != EEXIST) return fail(err, "create", name);
  auto_target struct target at = {.fd = -1};
  if (target_open(&at, parent, name, TARGET_FILE, err) <= 0) return -1;
  auto_close int mounted = mount_bind(source, &at, false, KERNEL_ATTR_NOSUID | KERNEL_ATTR_NOEXEC, err);
  if (mounted < 0) return -1;
  return unlinkat(nodes, node, 0) < 0 ? fail(err, "unlink", device->path) : 0;
}

int mount_allowed_devices(const struct exec_spec *spec, bool has_own_dev, struct err *err) {
  struct statfs status;
  if (!has_own_dev)
    return err_fail(err, FAILURE_ENTRY, "allow", spec->devices[0].path,
                    "devices are allowed in the entry unshare alone: elsewhere the host or the machine has them, or not");
  if (unshare(CLONE_NEWNS) < 0) return fail(err, "unshare mounts of", "");
  if (mount_make_private(err) < 0) return -1;
  auto_close int dev = open("/dev", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (dev < 0 || fstatfs(dev, &status) < 0 || (long)status.f_type != KERNEL_TMPFS_MAGIC)
    return err_fail(err, FAILURE_ENTRY, "allow", "/dev", "the tree has no directory /dev to show devices in");
  if (mkdirat(dev, "crun", 0755) < 0 && errno != EEXIST) return fail(err, "mkdir", "crun");
  auto_target struct target at = {.fd = -1};
  if (target_open(&at, dev, "crun", TARGET_DIRECTORY, err) <= 0) return -1;
  // Nodes open here, for as long as it takes to bind them to their names.
  auto_close int nodes =
      mount_fresh(&at, "tmpfs", KERNEL_TMPFS_MAGIC, NULL, KERNEL_ATTR_NOSUID | KERNEL_ATTR_NOEXEC, err);
  if (nodes < 0) return -1;
  for (size_t i = 0; i < spec->device_count; i++) {
    if (mount_allowed(dev, nodes, &spec->devices[i], err) < 0) return -1;
  }
  return umount2("/dev/crun", MNT_DETACH | UMOUNT_NOFOLLOW) < 0 ? fail(err, "umount", "crun") : 0;
}
