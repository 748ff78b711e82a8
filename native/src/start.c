// Turns a forked child into the program that was asked for, in numbered stages.
#include "start.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "channel.h"
#include "cleanup.h"
#include "drop.h"
#include "format.h"
#include "kernel.h"
#include "lax_owners.h"
#include "passwd.h"
#include "print.h"
#include "privilege.h"
#include "pty.h"

#define REPORT_FD 3
#define PATH_DEFAULT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Stage 1: a session of its own, and no signal setting of the helper's.
static int begin_session(struct err *err) {
  if (setsid() < 0 || getsid(0) != getpid()) return err_system(err, errno, "setsid", "");
  // By the system call, as C libraries refuse the signals that they use themselves, which posix_spawn leaves ignored.
  // EINVAL for KILL, STOP.
  const unsigned char by_default[64] = {0}; // the kernel's struct sigaction: SIG_DFL, no flags, no mask
  for (int number = 1; number <= 64; number++) syscall(SYS_rt_sigaction, number, by_default, NULL, 8ul);
  sigset_t none;
  sigemptyset(&none);
  return sigprocmask(SIG_SETMASK, &none, NULL) < 0 ? err_system(err, errno, "sigprocmask", "") : 0;
}

// The entry's own /dev/null; where there is none, a pipe that has ended.
static int open_nothing(void) {
  auto_close int fd = open("/dev/null", O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  struct stat status;
  if (fd >= 0 && fstat(fd, &status) == 0 && S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3))
    return steal_fd(&fd);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return -1;
  close(ends[1]);
  return ends[0];
}

// Stage 2: streams or terminal on 0, 1, 2; the worker learns the pid from the credentials of the message.
static int connect_streams(const struct start *start, struct err *err) {
  struct channel_message starting = {.kind = CHANNEL_STARTING};
  auto_close int master = -1, slave = -1, nothing = -1;
  const struct exec_spec *spec = start->spec;
  int streams[3] = {start->streams[0], start->streams[1], start->streams[2]};
  if (spec->flags & EXEC_PTY) {
    if (pty_open(&master, &slave, spec->rows, spec->columns, err) < 0 || pty_control(slave, err) < 0) return -1;
    streams[0] = streams[1] = streams[2] = slave;
  }
  if (channel_send(start->socket, &starting, sizeof starting, &master, master < 0 ? 0 : 1) < 0)
    return err_system(err, errno, "tell the pid", "");
  char go;
  if (start->gate >= 0 && read(start->gate, &go, 1) != 1) return err_system(err, ECANCELED, "join a cgroup", "");
  for (int number = 0; number < 3; number++) {
    if (streams[number] < 0 && number == 2 && (spec->flags & EXEC_MERGE_STDERR)) streams[2] = streams[1];
    if (streams[number] < 0 && nothing < 0 && (nothing = open_nothing()) < 0)
      return err_system(err, errno, "open", "/dev/null");
    if (streams[number] < 0) streams[number] = nothing;
  }
  // The agent keeps 0, 1 and 2 occupied: none of the sources is among them.
  for (int number = 0; number < 3; number++) {
    if (dup2(streams[number], number) < 0) return err_system(err, errno, "dup2", "");
  }
  return 0;
}

// Stage 3: nothing else is open, so that neither the program nor a link of the tree reaches a descriptor of the
// helper's.
static int close_others(int *report, struct err *err) {
  if (*report != REPORT_FD && dup3(*report, REPORT_FD, O_CLOEXEC) < 0) return err_system(err, errno, "dup3", "");
  *report = REPORT_FD;
  if (kernel_close_range(REPORT_FD + 1, UINT_MAX, 0) == 0) return 0;
  long limit = sysconf(_SC_OPEN_MAX);
  for (int fd = REPORT_FD + 1; fd < (limit < 0 ? 65536 : limit); fd++) close(fd);
  return 0;
}

// @files@ in a string becomes the directory of the files.
static char *expand(const char *text, const char *directory) {
  static const char mark[] = "@files@";
  size_t count = 0;
  for (const char *at = strstr(text, mark); at != NULL; at = strstr(at + sizeof mark - 1, mark)) count++;
  char *out = malloc(strlen(text) + count * strlen(directory) + 1);
  if (out == NULL) return NULL;
  char *to = out;
  for (const char *at = strstr(text, mark); at != NULL; at = strstr(text, mark)) {
    to = mempcpy(to, text, (size_t)(at - text));
    to = mempcpy(to, directory, strlen(directory));
    text = at + sizeof mark - 1;
  }
  strcpy(to, text);
  return out;
}

static const char *get(char *const *environment, const char *name) {
  size_t length = strlen(name);
  for (; *environment != NULL; environment++) {
    if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=') return *environment + length + 1;
  }
  return NULL;
}

static int add_default(char **environment, size_t *count, const char *name, const char *value) {
  if (get(environment, name) != NULL) return 0;
  size_t size = strlen(name) + strlen(value) + 2;
  char *entry = malloc(size);
  if (entry == NULL) return -1;
  print_text(entry, size, "%s=%s", name, value);
  environment[(*count)++] = entry;
  return 0;
}

static char **expand_list(char *const *list, const char *directory, size_t spare, size_t *count) {
  *count = 0;
  while (list[*count] != NULL) ++*count;
  char **out = calloc(*count + spare + 1, sizeof *out);
  for (size_t i = 0; out != NULL && i < *count; i++) {
    out[i] = directory[0] == '\0' ? strdup(list[i]) : expand(list[i], directory);
    if (out[i] == NULL) return NULL;
  }
  return out;
}

// Stage 5: what was given, and what every program may expect.
static char **build_environment(const struct start *start, const struct user *user, struct err *err) {
  size_t count = 0;
  char **environment = expand_list(start->spec->environment, start->files_directory, 5, &count);
  bool is_built = environment != NULL && add_default(environment, &count, "PATH", PATH_DEFAULT) == 0 &&
                  add_default(environment, &count, "HOME", user->home[0] == '\0' ? "/" : user->home) == 0 &&
                  add_default(environment, &count, "SHELL", user->shell) == 0;
  if (is_built && user->name[0] != '\0')
    is_built = add_default(environment, &count, "USER", user->name) == 0 &&
               add_default(environment, &count, "LOGNAME", user->name) == 0;
  if (!is_built) err_system(err, ENOMEM, "build the environment", "");
  return is_built ? environment : NULL;
}

// Stage 7: the directory, as the user; then it must lie in this root.
static int enter_directory(const struct exec_spec *spec, const struct user *user, struct err *err) {
  const char *directory = spec->directory[0] != '\0'                       ? spec->directory
                          : spec->user[0] != '\0' && user->home[0] != '\0' ? user->home
                                                                           : "/";
  if (chdir(directory) < 0) {
    if (spec->directory[0] != '\0') return err_system(err, errno, "chdir", directory);
    directory = "/";
    if (chdir(directory) < 0) return err_system(err, errno, "chdir", directory);
  }
  char path[PATH_MAX];
  long length = syscall(SYS_getcwd, path, sizeof path);
  if (length > 0 && path[0] != '/')
    return err_fail(err, FAILURE_REFUSED, "chdir", directory, "this directory lies outside the tree");
  return 0;
}

static void say_noexec(int errno_value, struct err *err) {
  struct statvfs status;
  if (errno_value == EACCES && statvfs("/", &status) == 0 && status.f_flag & ST_NOEXEC)
    print_text(err->message, sizeof err->message, "the tree lies on a file system that is mounted noexec");
}

static int exec_failed(const char *path, int errno_value, struct err *err) {
  if (errno_value == ENOEXEC) return fail_format(path, err);
  err_system(err, errno_value, "exec", path);
  say_noexec(errno_value, err);
  if (errno_value == ENOENT && access(path, F_OK) == 0)
    print_text(err->message, sizeof err->message, "%.100s is there, but the interpreter or loader it names is not", path);
  return -1;
}

// Stage 8: the program, found through the PATH of the new environment. A file that may not be run does not end the
// search.
static int run_program(char **arguments, char **environment, struct err *err) {
  const char *name = arguments[0];
  // NOLINTNEXTLINE(clang-analyzer-core.NullDereference): no spec is without a program
  if (name[0] == '\0') return err_system(err, ENOENT, "exec", name);
  if (strchr(name, '/') != NULL) {
    execve(name, arguments, environment);
    return exec_failed(name, errno, err);
  }
  int failed = ENOENT;
  const char *part = get(environment, "PATH");
  while (part != NULL) {
    size_t length = strcspn(part, ":");
    char path[PATH_MAX];
    int written = print_text(path, sizeof path, "%.*s%s%s", (int)length, part, length == 0 ? "" : "/", name);
    if (written > 0 && (size_t)written < sizeof path) {
      execve(path, arguments, environment);
      bool is_absent = errno == ENOENT && access(path, F_OK) < 0;
      if (errno == EACCES) failed = EACCES;
      else if (!is_absent && errno != ENOTDIR) return exec_failed(path, errno, err);
    }
    part = part[length] == ':' ? part + length + 1 : NULL;
  }
  err_system(err, failed, "exec", name);
  say_noexec(failed, err);
  if (failed == ENOENT) print_text(err->message, sizeof err->message, "no %.100s in PATH", name);
  return -1;
}

static int fail_self(struct err *err) {
  return err_fail_errno(err, FAILURE_ENTRY, errno, "execute the helper", "/proc/self/exe",
                        "the helper could not execute itself: it needs a directory /proc in the tree, and a kernel that executes memory");
}

static int prepare_and_run(const struct start *start, int *report, struct err *err) {
  struct user user = {0};
  size_t count = 0;
  if (begin_session(err) < 0 || connect_streams(start, err) < 0 || close_others(report, err) < 0) return -1;
  umask(start->spec->umask);
  // 4: who.
  auto_close int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (root < 0) return err_system(err, errno, "open", "/");
  // On a host that is not ours nobody is root: who says nothing is who we are.
  char self[32] = "";
  if (start->spec->user[0] == '\0' && geteuid() != 0) print_text(self, sizeof self, "%u:%u", geteuid(), getegid());
  if (user_resolve(root, self[0] == '\0' ? start->spec->user : self, &user, err) < 0) return -1;
  char **environment = build_environment(start, &user, err);
  char **arguments = environment == NULL ? NULL : expand_list(start->spec->argv, start->files_directory, 0, &count);
  if (arguments == NULL) return environment == NULL ? -1 : err_system(err, ENOMEM, "build the arguments", "");
  // Our own pipes become the user's, or it could not open /dev/stdout; refused where ids are not mapped, and then the
  // drop fails too.
  for (int number = 0; number < 3 && user.uid != 0; number++) {
    struct stat status;
    if (fstat(number, &status) == 0 && (S_ISFIFO(status.st_mode) || (start->spec->flags & EXEC_PTY))) {
      int ignored = fchown(number, user.uid, S_ISFIFO(status.st_mode) ? user.gid : (gid_t)-1);
      (void)ignored;
    }
  }
  struct rlimit processes;
  // Root is held by no such limit: what holds it is that of the PID namespace.
  if (start->tasks > 0 && user.uid != 0 && getrlimit(RLIMIT_NPROC, &processes) == 0 &&
      processes.rlim_max > start->tasks) {
    processes.rlim_cur = processes.rlim_max = start->tasks;
    if (setrlimit(RLIMIT_NPROC, &processes) < 0) return err_system(err, errno, "limit processes", "");
  }
  auto_close int copy = -1;
  if ((start->spec->flags & EXEC_SELF) && (copy = privilege_copy()) < 0) return fail_self(err);
  // 6: down. Nothing runs that was not verified.
  if (start->spec->flags & EXEC_LAX_OWNERS && lax_owners(err) < 0) return -1;
  if (drop_to_user(&user, err) < 0 || enter_directory(start->spec, &user, err) < 0) return -1;
  close(steal_fd(&root));
  // A runner that is killed takes its program along, in a machine too, where nobody else of crun's would see it.
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) return err_system(err, errno, "set the death signal", "");
  if (!(start->spec->flags & EXEC_SELF)) return run_program(arguments, environment, err);
  privilege_execute_copy(copy, arguments, environment);
  return fail_self(err);
}

_Noreturn void start_process(const struct start *start) {
  struct err err;
  err_clear(&err);
  int report = start->report;
  prepare_and_run(start, &report, &err);
  ssize_t written = write(report, &err, sizeof err);
  _exit(written == (ssize_t)sizeof err ? 127 : 126);
}
