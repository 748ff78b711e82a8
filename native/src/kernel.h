// System calls that not every C library wraps; constants under names of our own, as C libraries and kernel headers
// clash.
#ifndef CRUN_KERNEL_H
#define CRUN_KERNEL_H

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#define KERNEL_OPEN_TREE_CLONE 1u
#define KERNEL_OPEN_TREE_CLOEXEC ((unsigned)O_CLOEXEC)
#define KERNEL_AT_RECURSIVE 0x8000u
#define KERNEL_AT_EMPTY_PATH 0x1000u
#define KERNEL_MOVE_F_EMPTY_PATH 0x4u
#define KERNEL_MOVE_T_EMPTY_PATH 0x40u
#define KERNEL_MOVE_BENEATH 0x200u
#define KERNEL_FSCONFIG_SET_FLAG 0u
#define KERNEL_FSCONFIG_SET_STRING 1u
#define KERNEL_FSCONFIG_CREATE 6u
#define KERNEL_ATTR_RDONLY 0x1u
#define KERNEL_ATTR_NOSUID 0x2u
#define KERNEL_ATTR_NODEV 0x4u
#define KERNEL_ATTR_NOEXEC 0x8u
#define KERNEL_RESOLVE_NO_XDEV 0x01u
#define KERNEL_RESOLVE_NO_MAGICLINKS 0x02u
#define KERNEL_RESOLVE_IN_ROOT 0x10u
#define KERNEL_CLOSE_RANGE_CLOEXEC 4u
#define KERNEL_PROC_MAGIC 0x9fa0
#define KERNEL_SYSFS_MAGIC 0x62656572
#define KERNEL_TMPFS_MAGIC 0x01021994
#define KERNEL_DEVPTS_MAGIC 0x1cd1
#define KERNEL_CGROUP2_MAGIC 0x63677270

struct kernel_mount_attributes {
  uint64_t set;
  uint64_t clear;
  uint64_t propagation;
  uint64_t userns_fd;
};

struct kernel_open_how {
  uint64_t flags;
  uint64_t mode;
  uint64_t resolve;
};

static inline int kernel_open_tree(int dir, const char *path, unsigned flags) {
  return (int)syscall(SYS_open_tree, dir, path, flags);
}

static inline int kernel_move_mount(int from, const char *from_path, int to, const char *to_path, unsigned flags) {
  return (int)syscall(SYS_move_mount, from, from_path, to, to_path, flags);
}

static inline int kernel_fsopen(const char *type) {
  return (int)syscall(SYS_fsopen, type, 1u);
}

static inline int kernel_fsconfig(int fs, unsigned command, const char *key, const char *value) {
  return (int)syscall(SYS_fsconfig, fs, command, key, value, 0);
}

static inline int kernel_fsmount(int fs, unsigned attributes) {
  return (int)syscall(SYS_fsmount, fs, 1u, attributes);
}

static inline int kernel_mount_setattr(int mount, unsigned flags, struct kernel_mount_attributes *attributes) {
  return (int)syscall(SYS_mount_setattr, mount, "", flags, attributes, sizeof *attributes);
}

static inline int kernel_pivot_root(const char *new_root, const char *old_root) {
  return (int)syscall(SYS_pivot_root, new_root, old_root);
}

static inline int kernel_pidfd_open(pid_t pid) {
  return (int)syscall(SYS_pidfd_open, pid, 0u);
}

static inline int kernel_pidfd_send_signal(int pidfd, int signal) {
  return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0u);
}

// Descriptors first … last get close-on-exec (kernel 5.11) or, with flags 0, are closed (5.9). Older kernels: the
// caller loops.
static inline int kernel_close_range(unsigned first, unsigned last, unsigned flags) {
  return (int)syscall(SYS_close_range, first, last, flags);
}

// Which mount a descriptor is of; 0 where the kernel does not tell (before 5.8). The bytes of struct statx, which not
// every C library knows whole: stx_mask, and stx_mnt_id at 144.
static inline uint64_t kernel_mount_id(int fd) {
  uint64_t out[32] = {0};
  if (syscall(SYS_statx, fd, "", KERNEL_AT_EMPTY_PATH, 0x1000u, out) < 0 || !(out[0] & 0x1000u)) return 0;
  return out[18];
}

// Opens beneath a root: links and `..` end there, magic links are refused; retried when a rename got in between.
static inline int kernel_open_beneath(int root, const char *path, uint64_t flags, uint64_t resolve) {
  struct kernel_open_how how = {.flags = flags | O_CLOEXEC, .resolve = resolve};
  int fd = -1;
  for (int attempt = 0; attempt < 32; attempt++) {
    fd = (int)syscall(SYS_openat2, root, path, &how, sizeof how);
    if (fd >= 0 || (errno != EAGAIN && errno != EINTR)) break;
  }
  return fd;
}

#endif
