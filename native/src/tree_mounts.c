// Mounts what a process in a tree needs, in numbered stages.
#include "tree_mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cleanup.h"
#include "device_mounts.h"
#include "kernel.h"
#include "mounts.h"
#include "resolv.h"

#define ATTR_DATA (KERNEL_ATTR_NOSUID | KERNEL_ATTR_NODEV)
#define ATTR_KERNEL (KERNEL_ATTR_NOSUID | KERNEL_ATTR_NODEV | KERNEL_ATTR_NOEXEC)

static int fail(struct err *err, const char *step, const char *path) {
  return err_fail_errno(err, FAILURE_ENTRY, errno, step, path, "the tree could not be entered: %s /%s", step, path);
}

// Stage: a fresh /proc that shows the tree's processes only.
static int mount_proc(int root, int *proc, struct err *err) {
  auto_target struct target at = {.fd = -1};
  int is_there = target_open(&at, root, "proc", TARGET_DIRECTORY, err);
  if (is_there <= 0) return is_there;
  *proc = mount_fresh(&at, "proc", KERNEL_PROC_MAGIC, NULL, ATTR_KERNEL, err);
  if (*proc < 0 && err->errno_ == EPERM)
    return err_fail_errno(err, FAILURE_ENTRY, EPERM, "mount proc", "/proc",
                          "the kernel refuses a fresh /proc here, as it does in containers whose own /proc is masked");
  return *proc < 0 ? -1 : 0;
}

// Stage: sysfs; where a user namespace refuses a fresh one, the outer one, read-only.
static int mount_sys(int root, bool is_writable, int *sys, struct err *err) {
  auto_target struct target at = {.fd = -1};
  int is_there = target_open(&at, root, "sys", TARGET_DIRECTORY, err);
  if (is_there <= 0) return is_there;
  unsigned attributes = ATTR_KERNEL | (is_writable ? 0 : KERNEL_ATTR_RDONLY);
  *sys = mount_fresh(&at, "sysfs", KERNEL_SYSFS_MAGIC, NULL, attributes, err);
  if (*sys >= 0 || err->errno_ != EPERM) return *sys < 0 ? -1 : 0;
  auto_close int outer = open("/sys", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (outer < 0) return fail(err, "open the outer", "sys");
  *sys = mount_bind(outer, &at, true, attributes, err);
  return *sys < 0 ? -1 : 0;
}

// A directory of the tree, or where a link of the tree leads, as long as that is a directory of the tree's own file
// system and not its root, where a mount would hide nothing and be found by `/..`.
static int open_scratch(int root, const char *name, struct target *at) {
  *at = (struct target){
      .parent = root, .name = name, .fd = openat(root, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
  if (at->fd < 0) {
    at->linked = name;
    at->root = root;
    at->fd = kernel_open_beneath(root, name, O_PATH | O_DIRECTORY,
                                 KERNEL_RESOLVE_IN_ROOT | KERNEL_RESOLVE_NO_MAGICLINKS | KERNEL_RESOLVE_NO_XDEV);
    struct stat top, found;
    if (at->fd >= 0 &&
        (fstat(root, &top) < 0 || fstat(at->fd, &found) < 0 || (top.st_dev == found.st_dev && top.st_ino == found.st_ino)))
      target_close(at);
  }
  return at->fd;
}

// Stage: a private, empty file system. Its root, or -1 with errno 0 where the tree has no place for it.
static int mount_scratch(int root, const char *name, const char *mode, struct err *err) {
  auto_target struct target at = {.fd = -1};
  if (open_scratch(root, name, &at) < 0) return errno = 0, -1;
  const char *const options[] = {"mode", mode, NULL};
  int mounted = mount_fresh(&at, "tmpfs", KERNEL_TMPFS_MAGIC, options, ATTR_DATA, err);
  if (mounted < 0) errno = EIO;
  return mounted;
}

static int make_directory(int parent, const char *name, mode_t mode, struct err *err) {
  if (mkdirat(parent, name, mode) < 0) return fail(err, "mkdir", name);
  if (fchmodat(parent, name, mode, 0) < 0) return fail(err, "chmod", name);
  return 0;
}

static int mount_run(int root, int *run, struct err *err) {
  *run = mount_scratch(root, "run", "0755", err);
  if (*run < 0) return errno == 0 ? 0 : -1;
  if (make_directory(*run, "lock", 01777, err) < 0) return -1;
  return make_directory(*run, "crun", 0755, err);
}

// Stage: parts of proc and sysfs that reach the host are hidden or read-only; mount_fresh and mount_bind verify that the
// names show it, since masks were seen to fail without a word. Names that this kernel does not have need no mask.
// Whether something was mounted on it already (by systemd-nspawn): then it shows nothing of its own file system.
static bool is_covered(int parent, int fd) {
  struct statfs whole, part;
  return fstatfs(parent, &whole) == 0 && fstatfs(fd, &part) == 0 && whole.f_type != part.f_type;
}

static int mask(int parent, const char *name, int null_device, struct err *err) {
  auto_target struct target at = {
      .parent = parent, .name = name, .fd = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC)};
  struct stat status;
  if (at.fd < 0) return errno == ENOENT ? 0 : fail(err, "open", name);
  if (is_covered(parent, at.fd)) return 0;
  if (fstat(at.fd, &status) < 0) return fail(err, "fstat", name);
  auto_close int mounted = -1;
  bool is_directory = S_ISDIR(status.st_mode);
  if (is_directory) {
    const char *const options[] = {"mode", "0555", NULL};
    mounted = mount_fresh(&at, "tmpfs", KERNEL_TMPFS_MAGIC, options, ATTR_KERNEL | KERNEL_ATTR_RDONLY, err);
  } else {
    mounted = mount_bind(null_device, &at, false, KERNEL_ATTR_RDONLY | KERNEL_ATTR_NOSUID | KERNEL_ATTR_NOEXEC, err);
  }
  return mounted < 0 ? -1 : 0;
}

static int make_read_only(int parent, const char *name, struct err *err) {
  auto_target struct target at = {
      .parent = parent, .name = name, .fd = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC)};
  if (at.fd < 0) return errno == ENOENT ? 0 : fail(err, "open", name);
  if (is_covered(parent, at.fd)) return 0;
  auto_close int mounted = mount_bind(at.fd, &at, false, ATTR_KERNEL | KERNEL_ATTR_RDONLY, err);
  return mounted < 0 ? -1 : 0;
}

int tree_mask(int proc, int sys, struct err *err) {
  static const char *const read_only[] = {"sys",  "sysrq-trigger", "irq",  "bus",   "fs",
                                          "scsi", "asound",        "mtrr", "driver"};
  static const char *const hidden[] = {"kcore",       "keys",          "key-users", "kmsg",       "timer_list",
                                       "sched_debug", "latency_stats", "acpi",      "kpageflags", "kpagecount",
                                       "kpagecgroup", "vmallocinfo",   "slabinfo",  "interrupts", "timer_stats"};
  auto_close int null_device = open_device("null", makedev(1, 3), err);
  if (null_device < 0) return -1;
  for (size_t i = 0; proc >= 0 && i < sizeof read_only / sizeof *read_only; i++) {
    if (make_read_only(proc, read_only[i], err) < 0) return -1;
  }
  for (size_t i = 0; proc >= 0 && i < sizeof hidden / sizeof *hidden; i++) {
    if (mask(proc, hidden[i], null_device, err) < 0) return -1;
  }
  // The energy that the processor took tells what others compute.
  return sys < 0 || (mask(sys, "firmware", null_device, err) == 0 && mask(sys, "devices/virtual/powercap", null_device, err) == 0)
             ? 0
             : -1;
}

// Stage: the tree becomes `/`, and the old root goes. On an initramfs, which cannot be pivoted, the tree is moved over
// it.
static int become_root(int root, struct err *err) {
  if (fchdir(root) < 0) return fail(err, "fchdir", "");
  if (kernel_pivot_root(".", ".") == 0) {
    if (umount2(".", MNT_DETACH) < 0) return fail(err, "umount the old root", "");
  } else if (errno == EINVAL) {
    if (mount(".", "/", NULL, MS_MOVE, NULL) < 0) return fail(err, "move the root", "");
    if (chroot(".") < 0) return fail(err, "chroot", "");
  } else {
    return fail(err, "pivot_root", "");
  }
  return chdir("/") < 0 ? fail(err, "chdir", "") : 0;
}

// And nothing lies over it: the way up from the root stays there.
static int verify_root(const struct stat *wanted, struct err *err) {
  struct stat actual, above;
  if (stat("/", &actual) < 0 || stat("/..", &above) < 0) return fail(err, "stat", "");
  if (actual.st_dev == wanted->st_dev && actual.st_ino == wanted->st_ino && above.st_dev == wanted->st_dev &&
      above.st_ino == wanted->st_ino)
    return 0;
  return err_fail(err, FAILURE_ENTRY, "verify the root", "/", "the root is not the tree");
}

int tree_enter_isolated(const char *root_path, int *proc, struct err *err) {
  auto_close int sys = -1, run = -1, dev = -1;
  struct stat wanted;
  // 1: alone, and the tree a mount of its own.
  if (mount_make_private(err) < 0) return -1;
  auto_close int root = mount_tree_on_itself(root_path, KERNEL_ATTR_NODEV, err);
  if (root < 0) return -1;
  if (fstat(root, &wanted) < 0) return fail(err, "fstat", "");
  // 2: what the kernel shows.
  if (mount_proc(root, proc, err) < 0 || mount_sys(root, false, &sys, err) < 0) return -1;
  // 3: devices.
  if (mount_devices(root, &dev, err) < 0) return -1;
  // 4: scratch. /tmp stays the tree's own: what a file task puts there a command must find, and find again next time.
  if (mount_run(root, &run, err) < 0) return -1;
  // 5: names of hosts.
  if (mount_resolv(root, run, err) < 0) return -1;
  // 6: masks, verified.
  if (tree_mask(*proc, sys, err) < 0) return -1;
  // 7: in.
  if (become_root(root, err) < 0) return -1;
  return verify_root(&wanted, err);
}

int tree_enter_chroot(const char *root_path, int *proc, struct err *err) {
  auto_close int sys = -1, run = -1;
  struct stat wanted;
  // 1: alone, and the tree a mount of its own.
  if (mount_make_private(err) < 0) return -1;
  auto_close int root = mount_tree_on_itself(root_path, 0, err);
  if (root < 0) return -1;
  if (fstat(root, &wanted) < 0) return fail(err, "fstat", "");
  // 2: what the kernel shows.
  if (mount_proc(root, proc, err) < 0 || mount_sys(root, true, &sys, err) < 0) return -1;
  // 3: the host's devices.
  auto_target struct target at = {.fd = -1};
  int has_dev = target_open(&at, root, "dev", TARGET_DIRECTORY, err);
  if (has_dev < 0) return -1;
  if (has_dev > 0) {
    auto_close int outer = open("/dev", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (outer < 0) return fail(err, "open the host's", "dev");
    auto_close int dev = mount_bind(outer, &at, true, 0, err);
    if (dev < 0) return -1;
  }
  // 4: a place for crun's files, and names of hosts.
  if (mount_run(root, &run, err) < 0 || mount_resolv(root, run, err) < 0) return -1;
  // 5: in.
  if (fchdir(root) < 0) return fail(err, "fchdir", "");
  if (chroot(".") < 0) return fail(err, "chroot", "");
  if (chdir("/") < 0) return fail(err, "chdir", "");
  return verify_root(&wanted, err);
}
