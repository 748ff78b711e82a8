// Starts systemd-nspawn with the agent inside.
#include "nspawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cleanup.h"

// A copy of the program under a name, as systemd-nspawn binds by path: in memory-backed directories first, and where
// programs may run. A copy, because root of the container could make the bind writable.
static int make_copy(char *path, struct err *err) {
  static const char *const directories[] = {"/run", "/dev/shm", "/var/tmp", "/tmp"};
  auto_close int program = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  struct stat status;
  if (program < 0 || fstat(program, &status) < 0) return err_system(err, errno, "open", "/proc/self/exe");
  for (size_t i = 0; i < sizeof directories / sizeof *directories; i++) {
    struct statvfs mount;
    if (statvfs(directories[i], &mount) < 0 || (mount.f_flag & (ST_NOEXEC | ST_RDONLY))) continue;
    snprintf(path, NSPAWN_COPY_MAX, "%s/crun-agent.XXXXXX", directories[i]);
    auto_close int copy = mkostemp(path, O_CLOEXEC);
    if (copy < 0) continue;
    off_t offset = 0;
    while (offset < status.st_size && sendfile(copy, program, &offset, (size_t)(status.st_size - offset)) > 0) {
    }
    if (offset == status.st_size && fchmod(copy, 0500) == 0) return 0;
    unlink(path);
  }
  path[0] = '\0';
  return err_fail(err, FAILURE_ENTRY, "start systemd-nspawn", "",
                  "no directory of this host can hold the agent's program");
}

void nspawn_forget_copy(struct nspawn *nspawn) {
  if (nspawn->copy[0] != '\0') unlink(nspawn->copy);
  nspawn->copy[0] = '\0';
}

_Noreturn static void execute(const char *root_path, bool has_resolv, const char *copy, int control, int messages,
                              pid_t parent) {
  char directory[4200], bind[NSPAWN_COPY_MAX + 64];
  char *arguments[20];
  size_t count = 0;
  snprintf(directory, sizeof directory, "--directory=%s", root_path);
  snprintf(bind, sizeof bind, "--bind-ro=%s:/run/crun-agent", copy);
  char *const fixed[] = {"systemd-nspawn",    "--quiet", "--settings=no",
                         "--register=no",     "--pipe",  "--timezone=off",
                         "--link-journal=no", directory, bind};
  for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) arguments[count++] = fixed[i];
  arguments[count++] = has_resolv ? "--resolv-conf=bind-host" : "--resolv-conf=off";
  if (access("/run/systemd/system", F_OK) < 0) arguments[count++] = "--keep-unit"; // nobody to give it a scope
  arguments[count++] = "--";
  arguments[count++] = "/run/crun-agent";
  arguments[count++] = "--agent";
  arguments[count++] = "0";
  arguments[count] = NULL;
  // TERM, not KILL: it takes its lock file beside the tree away. The agent ends by itself too, when its socket does.
  if (prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) < 0 || getppid() != parent) _exit(125);
  if (dup2(control, 0) < 0 || dup2(messages, 1) < 0 || dup2(messages, 2) < 0) _exit(125);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  signal(SIGPIPE, SIG_DFL);
  execvp(arguments[0], arguments);
  dprintf(2, "systemd-nspawn: %s\n", errno == ENOENT ? "not installed on this host" : strerror(errno));
  _exit(127);
}

int nspawn_start(struct nspawn *out, const char *root_path, int root, int control, struct err *err) {
  struct stat resolv;
  int ends[2];
  *out = (struct nspawn){.pid = -1, .messages = -1};
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) return err_system(err, errno, "pipe2", "");
  auto_close int messages_read = ends[0], messages_write = ends[1];
  if (make_copy(out->copy, err) < 0) return -1;
  bool has_resolv = fstatat(root, "etc/resolv.conf", &resolv, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(resolv.st_mode);
  pid_t parent = getpid();
  out->pid = fork();
  if (out->pid == 0) execute(root_path, has_resolv, out->copy, control, messages_write, parent);
  if (out->pid < 0) {
    err_system(err, errno, "fork", "");
    nspawn_forget_copy(out);
    return -1;
  }
  out->messages = steal_fd(&messages_read);
  return 0;
}
