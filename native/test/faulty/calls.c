// Which system calls fail with what.
#include "calls.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>

#define CALL(which, ...) {.number = SYS_##which, .name = #which __VA_OPT__(, ) __VA_ARGS__}
#define FAILS(...) .errors = {__VA_ARGS__}
#define AT_PATH(argument) .path_argument = (argument) + 1
#define LENGTH(argument) .length_argument = (argument) + 1

static const struct call calls[] = {
    // Files.
    CALL(openat, FAILS(EIO, EMFILE, EACCES, ENOSPC), AT_PATH(1)),
    CALL(openat2, FAILS(EIO, EMFILE, EACCES, ENOMEM), AT_PATH(1)),
    CALL(close, FAILS(EIO), .is_done_anyway = true),
    CALL(read, FAILS(EIO, EINTR), LENGTH(2)),
    CALL(pread64, FAILS(EIO), LENGTH(2)),
    CALL(readv, FAILS(EIO, EINTR)),
    CALL(write, FAILS(ENOSPC, EIO, EINTR), LENGTH(2)),
    CALL(pwrite64, FAILS(ENOSPC, EIO), LENGTH(2)),
    CALL(writev, FAILS(EIO, EINTR)),
    CALL(copy_file_range, FAILS(EIO, ENOSPC, EINTR), LENGTH(4)),
    CALL(sendfile, FAILS(EIO, ENOMEM), LENGTH(3)),
    CALL(fstat, FAILS(EIO)),
    CALL(newfstatat, FAILS(EIO, EACCES), AT_PATH(1)),
    CALL(statx, FAILS(EIO, ENOMEM), AT_PATH(1)),
    CALL(fstatfs, FAILS(EIO)),
    CALL(statfs, FAILS(EIO), AT_PATH(0)),
    CALL(readlinkat, FAILS(EIO, EACCES), AT_PATH(1)),
    CALL(getdents64, FAILS(EIO)),
    CALL(lseek, FAILS(EIO)),
    CALL(faccessat, FAILS(EIO), AT_PATH(1)),
    CALL(flistxattr, FAILS(EIO)),
    CALL(fgetxattr, FAILS(EIO), AT_PATH(1)),
    CALL(fsetxattr, FAILS(ENOSPC, EIO, EPERM), AT_PATH(1)),
    CALL(fchown, FAILS(EIO, EPERM, EROFS)),
    CALL(fchownat, FAILS(EIO, EPERM, EROFS), AT_PATH(1)),
    CALL(fchmod, FAILS(EIO, EPERM, EROFS)),
    CALL(fchmodat, FAILS(EIO, EPERM, EROFS), AT_PATH(1)),
    CALL(utimensat, FAILS(EIO, EROFS), AT_PATH(1)),
    CALL(ftruncate, FAILS(EIO, ENOSPC)),
    CALL(fallocate, FAILS(ENOSPC)),
    CALL(fsync, FAILS(EIO, ENOSPC)),
    CALL(fdatasync, FAILS(EIO)),
    CALL(syncfs, FAILS(EIO)),
    CALL(linkat, FAILS(ENOSPC, EROFS, EMLINK), AT_PATH(3)),
    CALL(symlinkat, FAILS(ENOSPC, EROFS, EACCES), AT_PATH(2)),
    CALL(unlinkat, FAILS(EIO, EROFS, EBUSY), AT_PATH(1)),
    CALL(mkdirat, FAILS(ENOSPC, EROFS, EACCES), AT_PATH(1)),
    CALL(mknodat, FAILS(ENOSPC, EROFS), AT_PATH(1)),
    CALL(renameat, FAILS(ENOSPC, EROFS, EIO), AT_PATH(3)),
    CALL(renameat2, FAILS(ENOSPC, EROFS, EIO, EINVAL), AT_PATH(3)),
    CALL(fcntl, FAILS(EINTR, ENOLCK)),
    CALL(ioctl, FAILS(EIO)),
    CALL(chdir, FAILS(EIO, EACCES), AT_PATH(0)),
    CALL(fchdir, FAILS(EIO)),
    CALL(chroot, FAILS(EPERM), AT_PATH(0)),
    CALL(getcwd, FAILS(ENOENT)),
    CALL(getrandom, FAILS(EINTR)),
#ifdef __x86_64__
    CALL(open, FAILS(EIO, EMFILE, EACCES), AT_PATH(0)),
    CALL(stat, FAILS(EIO), AT_PATH(0)),
    CALL(lstat, FAILS(EIO), AT_PATH(0)),
    CALL(access, FAILS(EIO), AT_PATH(0)),
    CALL(chmod, FAILS(EIO, EPERM, EROFS), AT_PATH(0)),
    CALL(chown, FAILS(EIO, EPERM), AT_PATH(0)),
    CALL(mkdir, FAILS(ENOSPC, EROFS), AT_PATH(0)),
    CALL(rmdir, FAILS(EBUSY, EIO), AT_PATH(0)),
    CALL(unlink, FAILS(EIO, EROFS), AT_PATH(0)),
    CALL(rename, FAILS(ENOSPC, EROFS), AT_PATH(1)),
    CALL(symlink, FAILS(ENOSPC, EROFS), AT_PATH(1)),
    CALL(readlink, FAILS(EIO), AT_PATH(0)),
    CALL(mknod, FAILS(ENOSPC), AT_PATH(0)),
    CALL(poll, FAILS(EINTR, ENOMEM)),
    CALL(dup2, FAILS(EBADF)),
    CALL(pipe, FAILS(EMFILE)),
    CALL(fork, FAILS(EAGAIN, ENOMEM)),
    CALL(vfork, FAILS(EAGAIN)),
#endif
    // Memory, descriptors, waiting.
    CALL(mmap, FAILS(ENOMEM)),
    CALL(munmap, FAILS(ENOMEM)),
    CALL(mremap, FAILS(ENOMEM)),
    CALL(brk, FAILS(ENOMEM)),
    CALL(dup, FAILS(EMFILE)),
    CALL(dup3, FAILS(EMFILE)),
    CALL(pipe2, FAILS(EMFILE, ENFILE)),
    CALL(memfd_create, FAILS(EMFILE, ENOMEM)),
    CALL(close_range, FAILS(ENOSYS)),
    CALL(ppoll, FAILS(EINTR, ENOMEM)),
    CALL(epoll_create1, FAILS(EMFILE)),
    CALL(epoll_ctl, FAILS(ENOMEM, ENOSPC)),
    CALL(epoll_pwait, FAILS(EINTR)),
    CALL(signalfd4, FAILS(EMFILE)),
    CALL(nanosleep, FAILS(EINTR)),
    CALL(clock_nanosleep, FAILS(EINTR)),
    // Sockets.
    CALL(socket, FAILS(EMFILE)),
    CALL(socketpair, FAILS(EMFILE, ENFILE)),
    CALL(setsockopt, FAILS(ENOMEM)),
    CALL(sendmsg, FAILS(ENOBUFS, EINTR)),
    CALL(recvmsg, FAILS(ENOMEM, EINTR)),
    CALL(sendto, FAILS(ENOBUFS, EINTR), LENGTH(2)),
    CALL(recvfrom, FAILS(ENOMEM, EINTR), LENGTH(2)),
    CALL(shutdown, FAILS(ENOTCONN)),
    // Processes.
    CALL(clone, FAILS(EAGAIN, ENOMEM)),
    CALL(execve, FAILS(ENOMEM, EACCES), AT_PATH(0)),
    CALL(execveat, FAILS(ENOMEM, EACCES), AT_PATH(1)),
    CALL(wait4, FAILS(EINTR)),
    CALL(waitid, FAILS(EINTR)),
    CALL(kill, FAILS(EPERM)),
    CALL(prctl, FAILS(EPERM)),
    CALL(setsid, FAILS(EPERM)),
    CALL(setresuid, FAILS(EAGAIN, EPERM)),
    CALL(setresgid, FAILS(EPERM)),
    CALL(setgroups, FAILS(EPERM, ENOMEM)),
    CALL(capget, FAILS(EPERM)),
    CALL(capset, FAILS(EPERM)),
    CALL(prlimit64, FAILS(EPERM)),
    CALL(unshare, FAILS(ENOMEM, EPERM)),
    CALL(setns, FAILS(EPERM)),
    CALL(sethostname, FAILS(EPERM)),
    CALL(pidfd_open, FAILS(EMFILE)),
    CALL(keyctl, FAILS(ENOSYS)),
    // Mounts.
    CALL(mount, FAILS(ENOMEM, EPERM), AT_PATH(1)),
    CALL(umount2, FAILS(EBUSY), AT_PATH(0)),
    CALL(pivot_root, FAILS(EBUSY), AT_PATH(0)),
    CALL(open_tree, FAILS(ENOMEM), AT_PATH(1)),
    CALL(move_mount, FAILS(EINVAL, ENOMEM), AT_PATH(3)),
    CALL(fsopen, FAILS(EMFILE)),
    CALL(fsconfig, FAILS(ENOMEM)),
    CALL(fsmount, FAILS(EMFILE, ENOMEM)),
    CALL(mount_setattr, FAILS(ENOMEM), AT_PATH(1)),
    // Cannot fail with these arguments, but a process can die at them.
    CALL(umask),
    CALL(fadvise64),
    CALL(set_robust_list),
    CALL(setrlimit),
    CALL(getrlimit),
    CALL(rt_sigaction),
    CALL(rt_sigprocmask),
    CALL(madvise),
    CALL(mprotect),
};

static const struct {
  int error;
  const char *name;
} errors[] = {
#define ERROR(which) {which, #which}
    ERROR(EIO),     ERROR(ENOSPC), ERROR(EINTR),  ERROR(ENOMEM), ERROR(EMFILE), ERROR(ENFILE),   ERROR(EACCES),
    ERROR(EROFS),   ERROR(EPERM),  ERROR(EAGAIN), ERROR(EBUSY),  ERROR(EINVAL), ERROR(ENOBUFS),  ERROR(ENOLCK),
    ERROR(EMLINK),  ERROR(ENOENT), ERROR(EBADF),  ERROR(ENOSYS), ERROR(EDQUOT), ERROR(ENOTCONN), ERROR(ENODEV),
#undef ERROR
};

const struct call *call_find(long number) {
  for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
    if (calls[i].number == number) return &calls[i];
  }
  return NULL;
}

const char *call_error_name(int error) {
  for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
    if (errors[i].error == error) return errors[i].name;
  }
  return "E?";
}

int call_error(const char *name) {
  for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
    if (strcmp(errors[i].name, name) == 0) return errors[i].error;
  }
  return 0;
}
