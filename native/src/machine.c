// Finds the leader of a machine and joins its namespaces, in numbered stages.
#include "machine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/nsfs.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "calls.h"
#include "cgroup.h"
#include "cleanup.h"
#include "drop.h"
#include "kernel.h"
#include "print.h"
#include "words.h"

#define MACHINES "/run/systemd/machines"

static int fail(struct err *err, const char *step) {
  return err_fail_errno(err, FAILURE_ENTRY, errno, step, "", "the machine could not be joined: %s", step);
}

void leader_close(struct leader *leader) {
  if (leader->process >= 0) close(leader->process);
  if (leader->pidfd >= 0) close(leader->pidfd);
  if (leader->root >= 0) close(leader->root);
  leader->process = leader->pidfd = leader->root = -1;
}

static bool read_text(int directory, const char *name, char *out, size_t capacity) {
  auto_close int fd = openat(directory, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  ssize_t got = fd < 0 ? -1 : read(fd, out, capacity - 1);
  out[got < 0 ? 0 : got] = '\0';
  return got > 0;
}

// The value after a label at the start of a line of /proc/PID/status.
static const char *status_value(const char *status, const char *label) {
  const char *at = strstr(status, label);
  return at == NULL ? NULL : at + strlen(label);
}

// NSpid lists the pid in each namespace, ours first, its own last.
static bool is_init_of_namespace(const char *status) {
  const char *next = status_value(status, "\nNSpid:");
  long pid = 0;
  int count = 0;
  while (next != NULL && *next != '\n' && *next != '\0') {
    char *end = NULL;
    pid = strtol(next, &end, 10);
    if (end == next) break;
    next = end;
    count++;
    next += strspn(next, " \t");
  }
  return count >= 2 && pid == 1;
}

static void describe(struct leader *leader, const char *status, const char *name) {
  struct machine_info *info = &leader->info;
  char text[4096];
  *info = (struct machine_info){.is_running = true, .leader = (uint32_t)leader->pid};
  print_text(info->name, sizeof info->name, "%s", name);
  const char *bounding = status_value(status, "\nCapBnd:"), *no_new = status_value(status, "\nNoNewPrivs:");
  leader->bounding = bounding == NULL ? 0 : strtoull(bounding, NULL, 16);
  leader->no_new_privileges = no_new != NULL && strtol(no_new, NULL, 10) != 0;
  if (read_text(leader->process, "comm", text, sizeof text)) {
    text[strcspn(text, "\n")] = '\0';
    print_text(info->init, sizeof info->init, "%.63s", text);
  }
  char *map[3]; // inside, outside, how many
  if (read_text(leader->process, "uid_map", text, sizeof text) && split_words(text, map, 3) == 3)
    info->uid_shift = (uint32_t)strtoul(map[1], NULL, 10);
  struct stat own, theirs;
  info->has_private_users = stat("/proc/self/ns/user", &own) == 0 &&
                            fstatat(leader->process, "ns/user", &theirs, 0) == 0 && own.st_ino != theirs.st_ino;
  cgroup_of_process(leader->process, info->cgroup, sizeof info->cgroup);
}

// Anyone may make a user namespace, change its root to a tree that is open to him and wait there to be joined, with
// what is run and fed. A machine is one whose user namespace we live in, or one of its making by our own user.
static bool is_of_our_making(int process) {
  struct stat own, theirs;
  uid_t owner = (uid_t)-1;
  auto_close int users = openat(process, "ns/user", O_RDONLY | O_CLOEXEC);
  if (users < 0) return errno == ENOENT; // no user namespaces in this kernel
  if (stat("/proc/self/ns/user", &own) == 0 && fstat(users, &theirs) == 0 && own.st_ino == theirs.st_ino) return true;
  return ioctl(users, NS_GET_OWNER_UID, &owner) == 0 && owner == geteuid();
}

// 1 if the process is the leader of a machine on this tree, and pinned; else 0.
static int consider(struct leader *out, pid_t pid, const struct stat *tree, const char *name) {
  char path[32], status[8192], comm[32];
  struct leader leader = {.pid = pid, .process = -1, .pidfd = -1, .root = -1};
  print_text(path, sizeof path, "/proc/%d", pid);
  leader.process = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  leader.pidfd = leader.process < 0 ? -1 : kernel_pidfd_open(pid);
  struct stat own, theirs, root;
  bool is_leader = leader.process >= 0 && stat("/proc/self/ns/pid", &own) == 0 &&
                   fstatat(leader.process, "ns/pid", &theirs, 0) == 0 && own.st_ino != theirs.st_ino &&
                   is_of_our_making(leader.process) &&
                   read_text(leader.process, "status", status, sizeof status) && is_init_of_namespace(status) &&
                   read_text(leader.process, "comm", comm, sizeof comm) && strcmp(comm, "crun-agent\n") != 0 &&
                   fstatat(leader.process, "root", &root, 0) == 0 && root.st_dev == tree->st_dev &&
                   root.st_ino == tree->st_ino &&
                   (leader.root = openat(leader.process, "root", O_PATH | O_DIRECTORY | O_CLOEXEC)) >= 0;
  if (is_leader) {
    describe(&leader, status, name);
    // The pidfd may be of a process that took the number before it was opened: then the directory in /proc reads no
    // more.
    is_leader = read_text(leader.process, "status", status, sizeof status) && fstat(leader.root, &root) == 0 &&
                root.st_dev == tree->st_dev && root.st_ino == tree->st_ino;
  }
  if (!is_leader) return leader_close(&leader), 0;
  *out = leader;
  return 1;
}

static int find_registered(struct leader *out, const struct stat *tree) {
  auto_closedir DIR *machines = opendir(MACHINES);
  if (machines == NULL) return 0;
  for (struct dirent *entry = readdir(machines); entry != NULL; entry = readdir(machines)) {
    char text[4096];
    if (entry->d_name[0] == '.' || strchr(entry->d_name, ':') != NULL) continue; // unit:… are links to the same
    if (!read_text(dirfd(machines), entry->d_name, text, sizeof text)) continue;
    const char *leader = strstr(text, "\nLEADER=");
    if (leader == NULL) continue;
    long pid = strtol(leader + 8, NULL, 10);
    if (pid > 1 && pid < INT_MAX && consider(out, (pid_t)pid, tree, entry->d_name)) return 1;
  }
  return 0;
}

static int find_unregistered(struct leader *out, const struct stat *tree, const char *name, struct err *err) {
  auto_closedir DIR *processes = opendir("/proc");
  struct stat own, theirs;
  if (processes == NULL || stat("/proc/self/ns/pid", &own) < 0) return fail(err, "list /proc");
  for (struct dirent *entry = readdir(processes); entry != NULL; entry = readdir(processes)) {
    char *end = NULL;
    long pid = strtol(entry->d_name, &end, 10);
    if (pid <= 1 || pid >= INT_MAX || *end != '\0') continue;
    // Most processes are of our own PID namespace: one look tells.
    char path[32];
    print_text(path, sizeof path, "%ld/ns/pid", pid);
    if (fstatat(dirfd(processes), path, &theirs, 0) < 0 || theirs.st_ino == own.st_ino) continue;
    if (consider(out, (pid_t)pid, tree, name)) return 1;
  }
  return 0;
}

int leader_find(struct leader *out, int root, const char *tree_name, bool is_registered_only, struct err *err) {
  struct stat tree;
  *out = (struct leader){.process = -1, .pidfd = -1, .root = -1};
  if (fstat(root, &tree) < 0) return fail(err, "fstat the tree");
  if (find_registered(out, &tree)) return 1;
  return is_registered_only ? 0 : find_unregistered(out, &tree, tree_name, err);
}

// Stage 2: no process of ours may have more of anything than the leader. What cannot be raised stays at the lower
// value.
static int take_limits(int process, struct err *err) {
  char text[64];
  struct rlimit wanted, own;
  auto_close int stat_fd = openat(process, "stat", O_RDONLY | O_CLOEXEC);
  ssize_t got = stat_fd < 0 ? -1 : read(stat_fd, text, sizeof text - 1);
  if (got <= 0) return fail(err, "read the leader's pid");
  text[got] = '\0';
  pid_t pid = (pid_t)strtol(text, NULL, 10);
  for (int resource = 0; resource < (int)RLIM_NLIMITS; resource++) {
    if (prlimit(pid, resource, NULL, &wanted) < 0) return fail(err, "read the leader's limits");
    if (setrlimit(resource, &wanted) == 0) continue;
    if (errno != EPERM || getrlimit(resource, &own) < 0) return fail(err, "set the leader's limits");
    if (wanted.rlim_max > own.rlim_max) wanted.rlim_max = own.rlim_max;
    if (wanted.rlim_cur > wanted.rlim_max) wanted.rlim_cur = wanted.rlim_max;
    if (setrlimit(resource, &wanted) < 0) return fail(err, "set the leader's limits");
  }
  return 0;
}

// Stage 3: all at once with a pidfd (5.8): the kernel knows the order. Before that one by one, the user namespace last:
// our rights over the others come from where we are.
static int join_namespaces(int process, int pidfd, struct err *err) {
  static const struct {
    const char *name;
    int flag;
  } kinds[] = {{"ns/cgroup", CLONE_NEWCGROUP}, {"ns/ipc", CLONE_NEWIPC}, {"ns/uts", CLONE_NEWUTS},
               {"ns/net", CLONE_NEWNET},       {"ns/pid", CLONE_NEWPID}, {"ns/mnt", CLONE_NEWNS},
               {"ns/user", CLONE_NEWUSER}};
  enum { COUNT = sizeof kinds / sizeof *kinds };
  int fds[COUNT], wanted = 0, status = 0;
  auto_close int own_process = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  for (int i = 0; i < COUNT; i++) {
    struct stat own, theirs;
    fds[i] = -1;
    if (fstatat(own_process, kinds[i].name, &own, 0) < 0 || fstatat(process, kinds[i].name, &theirs, 0) < 0) continue;
    if (own.st_ino == theirs.st_ino && own.st_dev == theirs.st_dev) continue;
    fds[i] = openat(process, kinds[i].name, O_RDONLY | O_CLOEXEC);
    if (fds[i] < 0) status = fail(err, "open a namespace of the leader");
    wanted |= kinds[i].flag;
  }
  if (status == 0 && (wanted & (CLONE_NEWPID | CLONE_NEWNS)) != (CLONE_NEWPID | CLONE_NEWNS))
    status =
        err_fail(err, FAILURE_ENTRY, "join the machine", "", "the leader has ended or has no namespaces of its own");
  bool is_joined = status == 0 && pidfd >= 0 && setns(pidfd, wanted) == 0;
  if (status == 0 && !is_joined && pidfd >= 0 && errno != EINVAL) status = fail(err, "setns");
  for (int i = 0; i < COUNT; i++) {
    if (status == 0 && !is_joined && fds[i] >= 0 && setns(fds[i], kinds[i].flag) < 0) status = fail(err, kinds[i].name);
    if (fds[i] >= 0) close(fds[i]);
  }
  return status;
}

int machine_join(int process, int root, int pidfd, uint64_t bounding, bool no_new_privileges, struct err *err) {
  // 1: its cgroups, while our own mounts show them.
  if (cgroup_join_of_process(process, err) < 0) return -1;
  if (take_limits(process, err) < 0) return -1;
  if (join_namespaces(process, pidfd, err) < 0) return -1;
  // 4: root of the machine, which with private users is another than ours.
  if (setgroups(0, NULL) < 0) return fail(err, "setgroups");
  if (setresgid(0, 0, 0) < 0) return fail(err, "setresgid");
  if (setresuid(0, 0, 0) < 0) return fail(err, "setresuid");
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) return fail(err, "set dumpable");
  // 5: its root, which need not be that of the mount namespace.
  if (fchdir(root) < 0) return fail(err, "fchdir");
  if (chroot(".") < 0) return fail(err, "chroot");
  if (chdir("/") < 0) return fail(err, "chdir");
  struct stat wanted, actual;
  if (fstat(root, &wanted) < 0 || stat("/", &actual) < 0) return fail(err, "stat the root");
  if (wanted.st_ino != actual.st_ino || wanted.st_dev != actual.st_dev)
    return err_fail(err, FAILURE_ENTRY, "verify the root", "/", "the root is not that of the machine");
  // 6: no more rights than the leader, before any child of ours can be seen in the machine, and be traced. setns copies no
  // filter of system calls: each process gets ours, and all keepers what a machine must never do, or all of it where the
  // machine's root may not set a filter up.
  if (no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return fail(err, "set no_new_privs");
  uint32_t groups = capabilities_may_filter(bounding) ? CALLS_OF_KEEPERS : CALLS_OF_MACHINE;
  if (calls_restrict(bounding, groups, err) < 0) return -1;
  if (capabilities_cut(bounding, err) < 0) return -1;
  if (no_new_privileges && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) return fail(err, "verify no_new_privs");
  return 0;
}
