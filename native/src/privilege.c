// What the helper may do, and the sealing of its program.
#include "privilege.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cleanup.h"
#include "kernel.h"
#include "print.h"

#define FEATURE_ROOT 2u
#define FEATURE_MANY_IDS 4u
#define FEATURE_USER_NAMESPACE 8u
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
#ifndef MFD_EXEC
#define MFD_EXEC 0x10u
#endif

extern char **environ;

static int copy_program(int from, int to, mode_t mode) {
  struct stat status;
  if (fstat(from, &status) < 0) return -1;
  off_t offset = 0;
  while (offset < status.st_size) {
    ssize_t sent = sendfile(to, from, &offset, (size_t)(status.st_size - offset));
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return -1;
  }
  return fchmod(to, mode);
}

static int sealed_copy(int program, mode_t mode) {
  auto_close int copy = memfd_create("crun-helper", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
  // Kernels before 6.3 know no MFD_EXEC, and execute all.
  if (copy < 0 && errno == EINVAL) copy = memfd_create("crun-helper", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (copy < 0 || copy_program(program, copy, mode) < 0 || fcntl(copy, F_ADD_SEALS, SEALS) < 0) return -1;
  return steal_fd(&copy);
}

// Returns only where it failed. By path where the system call is missing (before Linux 3.19, or filtered away).
static void execute(int fd, char **arguments, char **environment) {
  char path[32];
  syscall(SYS_execveat, fd, "", arguments, environment, (int)KERNEL_AT_EMPTY_PATH);
  if (errno != ENOSYS && errno != EPERM) return;
  print_text(path, sizeof path, "/proc/self/fd/%d", fd);
  execve(path, arguments, environment);
}

// A copy of the program in a file without a name, for kernels that execute no memory; read-only, since a file open for
// writing does not run.
static void execute_unlinked(int program, char **arguments) {
  static const char *const directories[] = {"/dev/shm", "/var/tmp", "/tmp", "/run"};
  for (size_t i = 0; i < sizeof directories / sizeof *directories; i++) {
    auto_close int copy = open(directories[i], O_TMPFILE | O_RDWR | O_CLOEXEC, 0700);
    if (copy < 0 || copy_program(program, copy, 0500) < 0) continue;
    char path[32];
    print_text(path, sizeof path, "/proc/self/fd/%d", copy);
    auto_close int readable = open(path, O_RDONLY | O_CLOEXEC);
    close(steal_fd(&copy));
    if (readable >= 0) execute(readable, arguments, environ);
  }
}

// qemu-user answers for /proc/self/exe with the name that a program was executed by: a copy without a name would not
// know itself any more. It does not answer for this one.
static bool is_emulated(const struct stat *program) {
  auto_close int fd = open("/proc/thread-self/exe", O_PATH | O_CLOEXEC);
  struct stat real;
  return fd >= 0 && fstat(fd, &real) == 0 && (real.st_dev != program->st_dev || real.st_ino != program->st_ino);
}

// Where no copy can be executed the program stays what it is, and enters no tree (see privilege_is_sealed).
static int seal_program(char **arguments, struct err *err) {
  auto_close int program = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  struct stat status;
  if (program < 0 || fstat(program, &status) < 0) return err_system(err, errno, "open", "/proc/self/exe");
  if (status.st_nlink == 0) return 0; // it runs from a copy: no name leads to it
  if (is_emulated(&status)) return 0;
  auto_close int copy = sealed_copy(program, 0500);
  if (copy >= 0) execute(copy, arguments, environ);
  execute_unlinked(program, arguments);
  return 0;
}

bool privilege_is_sealed(void) {
  auto_close int program = open("/proc/self/exe", O_PATH | O_CLOEXEC);
  struct stat status;
  return program >= 0 && fstat(program, &status) == 0 && status.st_nlink == 0;
}

int privilege_copy(void) {
  auto_close int program = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  return program < 0 ? -1 : sealed_copy(program, 0555);
}

void privilege_execute_copy(int copy, char **arguments, char **environment) {
  execute(copy, arguments, environment);
}

void privilege_execute(char **arguments, char **environment) {
  auto_close int program = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  if (program >= 0) execute(program, arguments, environment);
}

static bool has_capabilities(void) {
  static const unsigned needed[] = {CAP_CHOWN,  CAP_DAC_OVERRIDE, CAP_FOWNER,   CAP_SETGID,
                                    CAP_SETUID, CAP_SYS_CHROOT,   CAP_SYS_ADMIN};
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[2] = {{0}};
  if (syscall(SYS_capget, &header, data) != 0) return false;
  for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
    if ((data[needed[i] / 32].effective & 1u << needed[i] % 32) == 0) return false;
  }
  return true;
}

// A controller on the same machine keeps its memory out of core dumps, and all that it starts inherits that. The helper has no use
// for it (it is not dumped at all), and what runs in trees has its own.
static void allow_cores_again(void) {
  char now[8];
  auto_close int filter = open("/proc/self/coredump_filter", O_RDWR | O_CLOEXEC);
  if (filter >= 0 && read(filter, now, sizeof now) == sizeof now && memcmp(now, "00000000", sizeof now) == 0 &&
      pwrite(filter, "0x33", 4, 0) < 0)
    return; // the default is not there: programs' cores are empty
}

int privilege_prepare(char **arguments, struct privilege *out, struct err *err) {
  *out = (struct privilege){0};
  if (seal_program(arguments, err) < 0) return -1;
  if (geteuid() == 0) reach_of_self(&out->reach);
  else user_namespace_make(&out->user_namespace, &out->reach);
  allow_cores_again();
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) return err_system(err, errno, "set dumpable", "");
  return 0;
}

uint32_t privilege_features(const struct privilege *privilege) {
  const struct reach *reach = &privilege->reach;
  uint32_t features = privilege->user_namespace != 0 || has_capabilities() ? FEATURE_ROOT : 0;
  if (geteuid() == 0 ? reach->users == UINT32_MAX : reach->users == 0) return features;
  return features | FEATURE_USER_NAMESPACE | (reach->users > 1 && reach->groups > 1 ? FEATURE_MANY_IDS : 0);
}
