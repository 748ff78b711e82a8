// Limits the processes and threads of a tree.
#include "tasks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cleanup.h"
#include "kernel.h"
#include "print.h"

#define TASKS_MOST 32000u
// The kernel gives no number below it a second time.
#define RESERVED_PIDS 300u

static uint32_t read_number(const char *path) {
  char text[32] = "";
  auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || read(fd, text, sizeof text - 1) <= 0) return 0;
  return (uint32_t)strtoul(text, NULL, 10);
}

uint32_t tasks_default(void) {
  static const char *const bounds[] = {"/proc/sys/kernel/threads-max", "/proc/sys/kernel/pid_max"};
  uint32_t tasks = TASKS_MOST;
  for (int i = 0; i < 2; i++) {
    uint32_t most = read_number(bounds[i]) / 3;
    if (most > 0 && most < tasks) tasks = most;
  }
  return tasks;
}

bool tasks_has_namespace_limit(void) {
  struct utsname system;
  char *rest = NULL;
  if (uname(&system) < 0) return false;
  unsigned long major = strtoul(system.release, &rest, 10);
  unsigned long minor = *rest == '.' ? strtoul(rest + 1, NULL, 10) : 0;
  return major > 6 || (major == 6 && minor >= 14);
}

bool tasks_limit_namespace(uint32_t tasks) {
  char text[16];
  if (!tasks_has_namespace_limit()) return false;
  // A procfs that is mounted nowhere: the tree may have none, and where there is one its settings are read-only.
  auto_close int fs = kernel_fsopen("proc");
  if (fs < 0 || kernel_fsconfig(fs, KERNEL_FSCONFIG_CREATE, NULL, NULL) < 0) return false;
  auto_close int proc = kernel_fsmount(fs, KERNEL_ATTR_NOSUID | KERNEL_ATTR_NODEV | KERNEL_ATTR_NOEXEC);
  auto_close int file = proc < 0 ? -1 : openat(proc, "sys/kernel/pid_max", O_WRONLY | O_CLOEXEC);
  int length = print_text(text, sizeof text, "%u", tasks + RESERVED_PIDS);
  return file >= 0 && write(file, text, (size_t)length) == length;
}

int tasks_fail_fork(struct err *err, int errno_value) {
  if (errno_value != EAGAIN) return err_system(err, errno_value, "fork", "");
  return err_fail_errno(err, FAILURE_ENTRY, errno_value, "fork", "",
                        "no process could be made: the tree has as many as it may have, or its host has (limit: "
                        "pids_max)");
}

uint32_t tasks_parse(const uint8_t *text, size_t length) {
  uint32_t tasks = 0;
  if (length == 3 && memcmp(text, "max", 3) == 0) return TASKS_UNLIMITED;
  for (size_t i = 0; i < length && text[i] >= '0' && text[i] <= '9'; i++) {
    tasks = tasks * 10 + (uint32_t)(text[i] - '0');
    if (tasks > TASKS_UNLIMITED) return TASKS_UNLIMITED;
  }
  return tasks;
}
