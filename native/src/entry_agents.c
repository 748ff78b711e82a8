// The agents of an entry: which one a process needs, their start and their end.
#include "entry_state.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cgroup.h"
#include "cleanup.h"
#include "kernel.h"
#include "machine.h"
#include "nspawn.h"
#include "print.h"
#include "privilege.h"
#include "tasks.h"

#define AGENT_FD 3
#define CLOSE_DEADLINE_MS 12000

static void wait_for_end(pid_t pid) {
  for (int waited = 0; waited < CLOSE_DEADLINE_MS; waited += 2) {
    pid_t ended = waitpid(pid, NULL, WNOHANG);
    if (ended == pid || (ended < 0 && errno != EINTR)) return;
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
  }
  kill(pid, SIGKILL);
  waitpid(pid, NULL, WNOHANG);
}

void agent_end(struct agent_handle *agent) {
  if (agent->control >= 0) close(agent->control);
  if (agent->leader >= 0) close(agent->leader);
  if (agent->pid > 0) wait_for_end(agent->pid);
  *agent = (struct agent_handle){.control = -1, .leader = -1};
}

// The child of the clone: its working directory is the tree, the program is executed anew for a clean memory.
_Noreturn static void execute_agent(int control) {
  struct channel_message failed = {.kind = CHANNEL_FAILED};
  char *arguments[] = {"crun-agent", "--agent", "3", NULL};
  char *environment[] = {NULL};
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  if (control == AGENT_FD) fcntl(AGENT_FD, F_SETFD, 0);
  else dup2(control, AGENT_FD);
  privilege_execute(arguments, environment);
  err_fail_errno(&failed.err, FAILURE_ENTRY, errno, "execute the agent", "/proc/self/exe",
                 "the helper could not execute itself: is /proc mounted?");
  channel_send(AGENT_FD, &failed, sizeof failed, NULL, 0);
  _exit(1);
}

// A fork into new namespaces. The tree is the working directory, as that alone is carried over into a copy of the mount
// namespace.
static int clone_agent(const struct entry *entry, unsigned long namespaces, int control, pid_t *out, struct err *err) {
  auto_close int before = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fchdir(entry->config.root_fd) < 0) return err_system(err, errno, "fchdir", "");
  long pid = syscall(SYS_clone, namespaces | SIGCHLD, NULL, NULL, NULL, NULL);
  if (pid == 0) execute_agent(control);
  int clone_errno = errno;
  if (before >= 0 && fchdir(before) < 0 && chdir("/") < 0) return err_system(err, errno, "fchdir", "");
  if (pid < 0)
    return err_fail_errno(err, FAILURE_ENTRY, clone_errno, "clone", "", "%s",
                          clone_errno == EPERM
                              ? "trees can be entered only as root, or where the host allows user namespaces"
                              : "no process in namespaces of its own could be made");
  *out = (pid_t)pid;
  return 0;
}

// What the agent says about its setup; in the words of systemd-nspawn if that died.
static int await_ready(int control, int messages, struct err *err) {
  struct channel_message answer;
  ssize_t got = channel_receive(control, &answer, sizeof answer, NULL, NULL, NULL, CHANNEL_DEADLINE_MS);
  if (got == (ssize_t)sizeof answer && answer.kind == CHANNEL_READY) return 0;
  if (got == (ssize_t)sizeof answer) {
    *err = answer.err;
    err_sanitize(err);
    if (err->code == FAILURE_SYSTEM) err->code = FAILURE_ENTRY;
    return -1;
  }
  if (got < 0 && errno == ETIMEDOUT)
    return err_fail(err, FAILURE_DEADLINE, "enter", "", "the tree was not entered within %d s",
                    CHANNEL_DEADLINE_MS / 1000);
  char said[200] = "";
  ssize_t length = messages < 0 ? 0 : read(messages, said, sizeof said - 1);
  said[length < 0 ? 0 : length] = '\0';
  for (char *next = said; *next != '\0'; next++) {
    if ((unsigned char)*next < ' ') *next = next[1] == '\0' ? '\0' : ' ';
  }
  return err_fail(err, FAILURE_ENTRY, "enter", "", "the agent died%s%.200s", said[0] == '\0' ? "" : ": ", said);
}

// Before the agent is told what to do: nothing of the tree runs yet. Without a cgroup to be had its users are limited
// alone (start.h).
static void limit_agent(struct entry *entry, enum agent_kind kind, pid_t pid, uint32_t tasks) {
  char directory[PATH_MAX];
  if (kind == AGENT_MACHINE || kind == AGENT_HOST || tasks_has_namespace_limit()) return;
  if (cgroup_limit_tasks(pid, tasks, directory, sizeof directory) && entry_remember(entry, directory) < 0) rmdir(directory);
}

static int start_agent(struct entry *entry, enum agent_kind kind, const struct leader *leader, struct err *err) {
  static const unsigned long namespaces[] = {
      [AGENT_CHROOT] = CLONE_NEWNS | CLONE_NEWPID,
      [AGENT_UNSHARE] = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP,
      [AGENT_MACHINE] = 0,
      [AGENT_HOST] = 0,
  };
  // A process of the tree could reach the program through /proc, and write into the file that root runs next time.
  if (kind != AGENT_HOST && !privilege_is_sealed())
    return err_fail(err, FAILURE_ENTRY, "enter", "",
                    "the helper could not make a sealed copy of itself on this host, so it enters no tree; allow "
                    "programs to run from one of /dev/shm, /var/tmp, /tmp and /run (mount option exec)");
  struct agent_handle agent = {.control = -1, .leader = -1};
  struct nspawn nspawn = {.pid = -1, .messages = -1};
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) return err_system(err, errno, "socketpair", "");
  agent.control = ends[0];
  auto_close int theirs = ends[1];
  int status = 0;
  if (kind == AGENT_NSPAWN) {
    status = nspawn_start(&nspawn, entry->config.tree_name, entry->config.root_fd, theirs, err);
    agent.pid = nspawn.pid;
  } else {
    status = clone_agent(entry, namespaces[kind], theirs, &agent.pid, err);
  }
  close(steal_fd(&theirs));
  if (status == 0) {
    struct setup setup = {.kind = CHANNEL_SETUP, .agent = kind, .tasks = tasks_default()};
    if (kind == AGENT_NSPAWN) setup.bounding = nspawn_capabilities();
    limit_agent(entry, kind, agent.pid, setup.tasks);
    print_text(setup.tree_name, sizeof setup.tree_name, "%s", entry->config.tree_name);
    print_text(setup.root_path, sizeof setup.root_path, "%s", entry->config.root_path);
    int fds[3] = {-1, -1, -1};
    size_t fd_count = 0;
    if (leader != NULL) {
      setup.bounding = leader->bounding;
      setup.no_new_privileges = leader->no_new_privileges;
      if (leader->pidfd >= 0) agent.leader = fcntl(leader->pidfd, F_DUPFD_CLOEXEC, 0);
      fds[0] = leader->process, fds[1] = leader->root, fds[2] = leader->pidfd;
      fd_count = leader->pidfd < 0 ? 2 : 3;
    }
    // An agent that died tells why, or nothing: await_ready sees to both.
    channel_send(agent.control, &setup, sizeof setup, fds, fd_count);
    status = await_ready(agent.control, nspawn.messages, err);
  }
  if (nspawn.messages >= 0) close(nspawn.messages);
  if (status == 0) entry->agents[kind] = agent;
  else agent_end(&agent);
  return status;
}

// Which agent a process needs. auto: the machine that runs, else a tree of namespaces; asked anew when its agent is
// gone.
int agent_choose(struct entry *entry, uint8_t wanted, struct agent_handle **out, struct err *err) {
  uint8_t kind = wanted == ENTRY_TREES ? entry->config.kind : wanted;
  struct leader leader = {.process = -1, .pidfd = -1, .root = -1};
  enum agent_kind agent = (enum agent_kind)kind;
  if (entry->config.is_host_root) agent = AGENT_HOST;
  else if (kind > ENTRY_MACHINE)
    return err_fail(err, FAILURE_BAD_REQUEST, "enter", "", "there is no entry of kind %u", kind);
  for (int made = AGENT_CHROOT; made <= AGENT_HOST; made++) {
    struct agent_handle *handle = &entry->agents[made];
    struct pollfd ended[2] = {{.fd = handle->control, .events = POLLRDHUP}, {.fd = handle->leader, .events = POLLIN}};
    if (handle->control >= 0 && poll(ended, 2, 0) > 0) agent_end(handle);
  }
  if (agent == (enum agent_kind)ENTRY_AUTO)
    agent = entry->agents[AGENT_MACHINE].control >= 0   ? AGENT_MACHINE
            : entry->agents[AGENT_UNSHARE].control >= 0 ? AGENT_UNSHARE
                                                        : 0;
  int status = 0;
  if (agent == 0 || (agent == AGENT_MACHINE && entry->agents[AGENT_MACHINE].control < 0)) {
    int found = leader_find(&leader, entry->config.root_fd, entry->config.tree_name, false, err);
    if (found < 0) return -1;
    if (found == 0 && agent == AGENT_MACHINE)
      return err_fail(err, FAILURE_ENTRY, "find the machine", entry->config.root_path, "no machine runs on this tree");
    agent = found > 0 ? AGENT_MACHINE : AGENT_UNSHARE;
  }
  if (entry->config.has_shifted_ids && agent != AGENT_MACHINE)
    return err_fail(err, FAILURE_ENTRY, "enter", entry->config.root_path,
                    "the tree's files have the ids of a machine's user namespace, and that machine does not run: "
                    "start it, its processes have them too");
  if (entry->agents[agent].control < 0) status = start_agent(entry, agent, leader.process < 0 ? NULL : &leader, err);
  leader_close(&leader);
  *out = &entry->agents[agent];
  return status;
}
