// Starts systemd-nspawn with the agent inside.
#include "nspawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "drop.h"
#include "kernel.h"
#include "mounts.h"
#include "print.h"

#define NSPAWN_PATH_MAX 320

// Who makes the scope of a container, and with it the rule which devices open.
static bool has_systemd(void) {
  return access("/run/systemd/system", F_OK) == 0;
}

uint64_t nspawn_capabilities(void) {
  return CAPABILITIES_OF_TREE_ROOT & ~(has_systemd() ? 0 : UINT64_C(1) << CAP_MKNOD);
}

// Device nodes of the tree's own, and of what is mounted below it, do not open.
static int close_devices(const char *tree) {
  struct kernel_mount_attributes change = {.set = KERNEL_ATTR_NODEV};
  struct err ignored;
  auto_close int fd = open(tree, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return -1;
  if (kernel_mount_setattr(fd, KERNEL_AT_EMPTY_PATH | KERNEL_AT_RECURSIVE, &change) == 0) return 0;
  return errno == ENOSYS ? mount_restrict(fd, KERNEL_ATTR_NODEV, &ignored) : -1;
}

// systemd-nspawn follows links of the tree where it makes /dev and /run: it would make devices and files in the host's
// directories.
static int refuse_links(int tree) {
  static const char *const names[] = {"dev", "run"};
  struct stat status;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (fstatat(tree, names[i], &status, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISLNK(status.st_mode)) continue;
    print_to(STDERR_FILENO, "/%s of the tree is a link: systemd-nspawn would follow it\n", names[i]);
    return -1;
  }
  return 0;
}

// Links that come meanwhile lead to nothing that can be written: the host's file systems are read-only here, but for
// the cgroups, in which systemd-nspawn makes those of its container.
static int close_host(void) {
  struct kernel_mount_attributes close_all = {.set = KERNEL_ATTR_RDONLY}, open_cgroups = {.clear = KERNEL_ATTR_RDONLY};
  auto_close int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  auto_close int cgroups = open("/sys/fs/cgroup", O_PATH | O_DIRECTORY | O_CLOEXEC);
  const unsigned flags = KERNEL_AT_EMPTY_PATH | KERNEL_AT_RECURSIVE;
  if (kernel_mount_setattr(root, flags, &close_all) < 0) return -1;
  if (cgroups >= 0 && kernel_mount_setattr(cgroups, flags, &open_cgroups) < 0) return -1;
  // What it keeps for its container while that runs; made as it would make it.
  return mount("tmpfs", "/run/systemd/nspawn", "tmpfs", MS_NODEV | MS_NOSUID, "mode=0755");
}

// The mount namespace of systemd-nspawn alone: a scratch directory over one of the host's that holds nothing it needs
// (/tmp first, in which it makes directories), with the agent's program and the tree, bound by its descriptor. So no path
// is resolved that a stranger could swap, and neither the copy nor the lock file that systemd-nspawn makes beside a tree
// outlives it, whatever kills whom.
static int make_scratch(const char *name, char *tree, size_t capacity, char *copy) {
  static const char *const directories[] = {"/tmp", "/mnt", "/media", "/srv", "/opt", "/home", "/run"};
  struct stat wanted, actual;
  const char *scratch = NULL;
  // The tree is the working directory, which is carried over into a copy of the mount namespace.
  if (stat(".", &wanted) < 0 || unshare(CLONE_NEWNS) < 0) return -1;
  if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
    return -1;
  auto_close int clone =
      kernel_open_tree(AT_FDCWD, ".", KERNEL_OPEN_TREE_CLONE | KERNEL_OPEN_TREE_CLOEXEC | KERNEL_AT_RECURSIVE);
  if (mkdir("/run/systemd", 0755) < 0 && errno != EEXIST) return -1;
  if (mkdir("/run/systemd/nspawn", 0755) < 0 && errno != EEXIST) return -1;
  // Kernels before 5.12 have the check of links alone.
  if (close_host() < 0 && errno != ENOSYS) return -1;
  for (size_t i = 0; scratch == NULL && i < sizeof directories / sizeof *directories; i++) {
    if (mount("tmpfs", directories[i], "tmpfs", MS_NODEV, "mode=0700") == 0) scratch = directories[i];
  }
  if (scratch == NULL) return -1;
  print_text(copy, NSPAWN_PATH_MAX, "%s/.crun-agent", scratch);
  print_text(tree, capacity, "%s/%s", scratch, name);
  if (mkdir(tree, 0700) < 0) return -1;
  if (clone < 0 ? mount(".", tree, NULL, MS_BIND | MS_REC, NULL) < 0
                : kernel_move_mount(clone, "", AT_FDCWD, tree, KERNEL_MOVE_F_EMPTY_PATH) < 0)
    return -1;
  if (stat(tree, &actual) < 0 || (!has_systemd() && close_devices(tree) < 0)) return -1;
  if (actual.st_dev == wanted.st_dev && actual.st_ino == wanted.st_ino) return 0;
  errno = ESTALE;
  return -1;
}

// A copy of the program, because root of the container could make the bind writable.
static int make_copy(const char *path) {
  auto_close int program = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  auto_close int copy = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0500);
  struct stat status;
  off_t offset = 0;
  if (program < 0 || copy < 0 || fstat(program, &status) < 0) return -1;
  while (offset < status.st_size) {
    ssize_t sent = sendfile(copy, program, &offset, (size_t)(status.st_size - offset));
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return -1;
  }
  return 0;
}

_Noreturn static void execute(const char *name, int root, bool has_resolv, int control, int messages, pid_t parent) {
  char tree[NSPAWN_PATH_MAX], copy[NSPAWN_PATH_MAX], directory[NSPAWN_PATH_MAX + 16], bind[NSPAWN_PATH_MAX + 32];
  char *arguments[20];
  size_t count = 0;
  // TERM, not KILL: it ends its container in order. The agent ends by itself too, when its socket does.
  if (prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) < 0 || getppid() != parent) _exit(125);
  // Its limits are set before the agent is told what to do, which is left for that to read.
  poll(&(struct pollfd){.fd = control, .events = POLLIN}, 1, -1);
  if (dup2(control, 0) < 0 || dup2(messages, 1) < 0 || dup2(messages, 2) < 0) _exit(125);
  struct err err;
  if (refuse_links(root) < 0) _exit(125);
  // Before its own filter, which knows no such call.
  if (leave_abstract_sockets(&err) < 0) _exit(125);
  if (fchdir(root) < 0 || make_scratch(name, tree, sizeof tree, copy) < 0 || make_copy(copy) < 0 || chdir("/") < 0) {
    print_to(STDERR_FILENO, "its mounts could not be made: %s\n", strerror(errno));
    _exit(125);
  }
  print_text(directory, sizeof directory, "--directory=%s", tree);
  print_text(bind, sizeof bind, "--bind-ro=%s:/run/crun-agent", copy);
  char *const fixed[] = {"systemd-nspawn",    "--quiet", "--settings=no",
                         "--register=no",     "--pipe",  "--timezone=off",
                         "--link-journal=no", directory, bind};
  for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) arguments[count++] = fixed[i];
  arguments[count++] = has_resolv ? "--resolv-conf=bind-host" : "--resolv-conf=off";
  if (!has_systemd()) arguments[count++] = "--keep-unit"; // nobody to give it a scope
  arguments[count++] = "--";
  arguments[count++] = "/run/crun-agent";
  arguments[count++] = "--agent";
  arguments[count++] = "0";
  arguments[count] = NULL;
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  signal(SIGPIPE, SIG_DFL);
  unsetenv("TMPDIR");
  execvp(arguments[0], arguments);
  print_to(STDERR_FILENO, "systemd-nspawn: %s\n", errno == ENOENT ? "not installed on this host" : strerror(errno));
  _exit(127);
}

int nspawn_start(struct nspawn *out, const char *name, int root, int control, struct err *err) {
  struct stat resolv;
  int ends[2];
  *out = (struct nspawn){.pid = -1, .messages = -1};
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) return err_system(err, errno, "pipe2", "");
  auto_close int messages_read = ends[0], messages_write = ends[1];
  bool has_resolv = fstatat(root, "etc/resolv.conf", &resolv, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(resolv.st_mode);
  pid_t parent = getpid();
  out->pid = fork();
  if (out->pid == 0) execute(name, root, has_resolv, control, messages_write, parent);
  if (out->pid < 0) return err_system(err, errno, "fork", "");
  out->messages = steal_fd(&messages_read);
  return 0;
}
