// Makes the helper root of something, and seals its program.
#include "privilege.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker.h"
#include "cleanup.h"
#include "kernel.h"
#include "passwd.h"
#include "print.h"
#include "words.h"

#define FEATURE_ROOT 2u
#define FEATURE_MANY_IDS 4u
#define FEATURE_USER_NAMESPACE 8u
#define SUBORDINATE_MAX 65536u
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
#ifndef MFD_EXEC
#define MFD_EXEC 0x10u
#endif

extern char **environ;

static int write_text(const char *path, const char *text) {
  auto_close int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  return write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -1;
}

struct range {
  unsigned long start, count;
};

// The first range of a subuid or subgid file for a name or number.
static bool find_range(const char *path, const char *name, unsigned long id, struct range *out) {
  FILE *file = fopen(path, "re");
  char *line = NULL;
  size_t capacity = 0;
  bool is_found = false;
  while (file != NULL && !is_found && getline(&line, &capacity, file) > 0) {
    char *start = strchr(line, ':');
    char *count = start == NULL ? NULL : strchr(start + 1, ':');
    if (count == NULL) continue;
    *start++ = *count++ = '\0';
    char *end = NULL;
    bool is_own = (name[0] != '\0' && strcmp(line, name) == 0) ||
                  (line[0] != '\0' && strtoul(line, &end, 10) == id && *end == '\0');
    out->start = strtoul(start, NULL, 10);
    out->count = strtoul(count, NULL, 10);
    is_found = is_own && out->start > 0 && out->count > 0;
  }
  free(line);
  if (file != NULL) fclose(file);
  return is_found;
}

// Runs newuidmap or newgidmap for a process: root is us, the rest are the subordinate ids.
static bool run_mapper(const char *program, pid_t pid, unsigned long own, const struct range *range) {
  char process[16], outside[24], start[24], count[24];
  print_text(process, sizeof process, "%d", pid);
  print_text(outside, sizeof outside, "%lu", own);
  print_text(start, sizeof start, "%lu", range->start);
  print_text(count, sizeof count, "%lu", range->count > SUBORDINATE_MAX ? SUBORDINATE_MAX : range->count);
  pid_t child = fork();
  if (child == 0) {
    int nothing = open("/dev/null", O_RDWR);
    for (int fd = 0; nothing >= 0 && fd < 3; fd++) dup2(nothing, fd); // it must not speak into the protocol
    execlp(program, program, process, "0", outside, "1", "1", start, count, (char *)NULL);
    _exit(127);
  }
  int status = -1;
  while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

// The mapper runs outside of the new namespace, so a child made before writes the maps of its parent. Bit 1: users, bit
// 2: groups mapped.
static void map_from_outside(pid_t target, uid_t uid, gid_t gid, int go, int answer) {
  char name[256] = "", byte;
  struct range users, groups;
  auto_close int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (root >= 0) user_name_of(root, uid, name, sizeof name);
  unsigned char done = 0;
  if (read(go, &byte, 1) == 1) {
    if (find_range("/etc/subuid", name, uid, &users) && run_mapper("newuidmap", target, uid, &users)) done |= 1;
    if (find_range("/etc/subgid", name, uid, &groups) && run_mapper("newgidmap", target, gid, &groups)) done |= 2;
  }
  _exit(write(answer, &done, 1) == 1 ? 0 : 1);
}

static int enter_user_namespace(struct err *err) {
  uid_t uid = geteuid();
  gid_t gid = getegid();
  pid_t self = getpid();
  int go[2], answer[2];
  if (pipe2(go, O_CLOEXEC) < 0) return err_system(err, errno, "pipe2", "");
  if (pipe2(answer, O_CLOEXEC) < 0) return close(go[0]), close(go[1]), err_system(err, errno, "pipe2", "");
  auto_close int go_read = go[0], go_write = go[1], answer_read = answer[0], answer_write = answer[1];
  pid_t mapper = fork();
  if (mapper < 0) return err_system(err, errno, "fork", "");
  if (mapper == 0) {
    close(go_write);
    map_from_outside(self, uid, gid, go_read, answer_write);
  }
  close(steal_fd(&answer_write));
  unsigned char done = 0;
  int unshared = unshare(CLONE_NEWUSER);
  if (unshared == 0 && write(go_write, "x", 1) == 1 && read(answer_read, &done, 1) != 1) done = 0;
  close(steal_fd(&go_write));
  while (waitpid(mapper, NULL, 0) < 0 && errno == EINTR) {
  }
  if (unshared < 0) return 0;
  char map[64];
  print_text(map, sizeof map, "0 %u 1\n", uid);
  if (!(done & 1) && write_text("/proc/self/uid_map", map) < 0)
    return err_system(err, errno, "map the user", "/proc/self/uid_map");
  print_text(map, sizeof map, "0 %u 1\n", gid);
  if (!(done & 2)) {
    if (write_text("/proc/self/setgroups", "deny") < 0 && errno != ENOENT)
      return err_system(err, errno, "deny setgroups", "");
    if (write_text("/proc/self/gid_map", map) < 0) return err_system(err, errno, "map the group", "/proc/self/gid_map");
  }
  if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
    return err_system(err, errno, "become root of the user namespace", "");
  return 0;
}

static int copy_program(int from, int to) {
  struct stat status;
  if (fstat(from, &status) < 0) return -1;
  off_t offset = 0;
  while (offset < status.st_size) {
    ssize_t sent = sendfile(to, from, &offset, (size_t)(status.st_size - offset));
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return -1;
  }
  return fchmod(to, 0500);
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
    if (copy < 0 || copy_program(program, copy) < 0) continue;
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
  auto_close int copy = memfd_create("crun-helper", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
  // Kernels before 6.3 know no MFD_EXEC, and execute all.
  if (copy < 0 && errno == EINVAL) copy = memfd_create("crun-helper", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (copy >= 0 && copy_program(program, copy) == 0 && fcntl(copy, F_ADD_SEALS, SEALS) == 0)
    execute(copy, arguments, environ);
  execute_unlinked(program, arguments);
  return 0;
}

bool privilege_is_sealed(void) {
  auto_close int program = open("/proc/self/exe", O_PATH | O_CLOEXEC);
  struct stat status;
  return program >= 0 && fstat(program, &status) == 0 && status.st_nlink == 0;
}

void privilege_execute(char **arguments, char **environment) {
  auto_close int program = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  if (program >= 0) execute(program, arguments, environment);
}

int privilege_prepare(char **arguments, struct err *err) {
  if (geteuid() != 0 && (broker_start(err) < 0 || enter_user_namespace(err) < 0)) return -1;
  if (seal_program(arguments, err) < 0) return -1;
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) return err_system(err, errno, "set dumpable", "");
  return 0;
}

uint32_t privilege_features(void) {
  uint32_t features = 0;
  unsigned long all = 0, lines = 0;
  char line[128], *words[3]; // inside, outside, how many
  FILE *map = fopen("/proc/self/uid_map", "re");
  bool is_first = false;
  while (map != NULL && fgets(line, sizeof line, map) != NULL && split_words(line, words, 3) == 3) {
    unsigned long inside = strtoul(words[0], NULL, 10), outside = strtoul(words[1], NULL, 10);
    unsigned long count = strtoul(words[2], NULL, 10);
    is_first = lines++ == 0 && inside == 0 && outside == 0 && count == UINT32_MAX;
    all += count;
  }
  if (map != NULL) fclose(map);
  else is_first = true; // no user namespaces in this kernel
  if (geteuid() == 0) features |= FEATURE_ROOT;
  if (!is_first) features |= FEATURE_USER_NAMESPACE | (all > 1 ? FEATURE_MANY_IDS : 0);
  return features;
}
