// The worker's side of an entry: starts its agents, hands processes to them, and ends them.
#include "entry.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cgroup.h"
#include "channel.h"
#include "cleanup.h"
#include "kernel.h"
#include "machine.h"
#include "nspawn.h"
#include "print.h"
#include "privilege.h"
#include "pty.h"
#include "tasks.h"

#define AGENT_FD 3
#define CLOSE_DEADLINE_MS 12000
#define CGROUP_DEADLINE_MS 500

struct agent_handle {
  pid_t pid; // 0: none
  int control;
  int leader; // pidfd of the machine that it visits, or -1
};

// A cgroup of a process's own: what asked for it removes it, unless it went before.
struct placed {
  struct placed *next;
  char directory[];
};

struct entry {
  struct entry_config config;
  struct placed *placed;
  struct agent_handle agents[AGENT_HOST + 1];
};

int entry_open(struct entry **out, const struct entry_config *config, struct err *err) {
  struct entry *entry = calloc(1, sizeof *entry);
  if (entry == NULL) return err_system(err, ENOMEM, "open the entry", "");
  entry->config = *config;
  for (int kind = 0; kind <= AGENT_HOST; kind++) entry->agents[kind].control = entry->agents[kind].leader = -1;
  *out = entry;
  return 0;
}

static void wait_for_end(pid_t pid) {
  for (int waited = 0; waited < CLOSE_DEADLINE_MS; waited += 2) {
    pid_t ended = waitpid(pid, NULL, WNOHANG);
    if (ended == pid || (ended < 0 && errno != EINTR)) return;
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
  }
  kill(pid, SIGKILL);
  waitpid(pid, NULL, WNOHANG);
}

static void end_agent(struct agent_handle *agent) {
  if (agent->control >= 0) close(agent->control);
  if (agent->leader >= 0) close(agent->leader);
  if (agent->pid > 0) wait_for_end(agent->pid);
  *agent = (struct agent_handle){.control = -1, .leader = -1};
}

// Those that still hold a process (which lives on) stay.
static void remove_cgroups(struct entry *entry) {
  int waited = 0;
  while (entry->placed != NULL) {
    struct placed *placed = entry->placed;
    for (; rmdir(placed->directory) < 0 && errno == EBUSY && waited < CGROUP_DEADLINE_MS; waited += 5)
      nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    entry->placed = placed->next;
    free(placed);
  }
}

void entry_close(struct entry *entry) {
  if (entry == NULL) return;
  // All hear of it before the first is waited for.
  for (int kind = 0; kind <= AGENT_HOST; kind++) {
    if (entry->agents[kind].control >= 0) shutdown(entry->agents[kind].control, SHUT_WR);
  }
  for (int kind = 0; kind <= AGENT_HOST; kind++) end_agent(&entry->agents[kind]);
  remove_cgroups(entry);
  free(entry);
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

static int remember(struct entry *entry, const char *directory) {
  struct placed *placed = malloc(sizeof *placed + strlen(directory) + 1);
  if (placed == NULL) return -1;
  strcpy(placed->directory, directory);
  placed->next = entry->placed;
  entry->placed = placed;
  return 0;
}

// Before the agent is told what to do: nothing of the tree runs yet. Without a cgroup to be had its users are limited
// alone (start.h).
static void limit_agent(struct entry *entry, enum agent_kind kind, pid_t pid, uint32_t tasks) {
  char directory[PATH_MAX];
  if (kind == AGENT_MACHINE || kind == AGENT_HOST || tasks_has_namespace_limit()) return;
  if (cgroup_limit_tasks(pid, tasks, directory, sizeof directory) && remember(entry, directory) < 0) rmdir(directory);
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
  else end_agent(&agent);
  return status;
}

// Which agent a process needs. auto: the machine that runs, else a tree of namespaces; asked anew when its agent is
// gone.
static int choose_agent(struct entry *entry, uint8_t wanted, struct agent_handle **out, struct err *err) {
  uint8_t kind = wanted == ENTRY_TREES ? entry->config.kind : wanted;
  struct leader leader = {.process = -1, .pidfd = -1, .root = -1};
  enum agent_kind agent = (enum agent_kind)kind;
  if (entry->config.is_host_root) agent = AGENT_HOST;
  else if (kind > ENTRY_MACHINE)
    return err_fail(err, FAILURE_BAD_REQUEST, "enter", "", "there is no entry of kind %u", kind);
  for (int made = AGENT_CHROOT; made <= AGENT_HOST; made++) {
    struct agent_handle *handle = &entry->agents[made];
    struct pollfd ended[2] = {{.fd = handle->control, .events = POLLRDHUP}, {.fd = handle->leader, .events = POLLIN}};
    if (handle->control >= 0 && poll(ended, 2, 0) > 0) end_agent(handle);
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

// Pipes of a process: ours non-blocking, theirs not.
struct streams {
  int ours[3];
  int theirs[3];
};

static void streams_close(struct streams *streams) {
  for (int i = 0; i < 3; i++) {
    if (streams->ours[i] >= 0) close(streams->ours[i]);
    if (streams->theirs[i] >= 0) close(streams->theirs[i]);
  }
}

static int streams_open(struct streams *streams, const struct exec_spec *spec, struct err *err) {
  for (int i = 0; i < 3; i++) {
    bool is_wanted = !(spec->flags & EXEC_PTY) && !(i == 0 && spec->stdin_kind == STDIN_NONE) &&
                     !(i == 2 && spec->flags & EXEC_MERGE_STDERR);
    int ends[2];
    if (!is_wanted) continue;
    if (pipe2(ends, O_CLOEXEC) < 0) return err_system(err, errno, "pipe2", "");
    streams->ours[i] = ends[i == 0 ? 1 : 0];
    streams->theirs[i] = ends[i == 0 ? 0 : 1];
    if (fcntl(streams->ours[i], F_SETFL, O_NONBLOCK) < 0) return err_system(err, errno, "fcntl", "");
  }
  return 0;
}

// By what is written to a pids.max.
static uint32_t own_task_limit(const struct exec_spec *spec) {
  static const char file[] = "/pids.max";
  uint32_t tasks = 0;
  for (size_t i = 0; i < spec->cgroup_count; i++) {
    const struct cgroup_step *step = &spec->cgroups[i];
    size_t length = strlen(step->path), end = sizeof file - 1;
    if (length > end && strcmp(step->path + length - end, file) == 0)
      tasks = tasks_parse(step->value.data, step->value.length);
  }
  return tasks;
}

// Remembered as soon as they are there: whatever happens, the entry's end takes them away.
static int make_cgroups(struct entry *entry, const struct exec_spec *spec, struct err *err) {
  for (size_t i = 0; i < spec->cgroup_count; i++) {
    const struct cgroup_step *step = &spec->cgroups[i];
    if (step->value.length > 0) {
      if (cgroup_write(step->path, step->value.data, step->value.length, err) < 0) return -1;
      continue;
    }
    if (mkdir(step->path, 0755) < 0) return err_system(err, errno, "limit", step->path);
    if (remember(entry, step->path) < 0) return rmdir(step->path), err_system(err, ENOMEM, "limit", step->path);
  }
  return 0;
}

// The process waits at its gate meanwhile, so that all it does is under its limits.
static int place(const struct exec_spec *spec, pid_t pid, int gate, struct err *err) {
  for (size_t i = 0; i < spec->cgroup_count; i++) {
    const struct cgroup_step *step = &spec->cgroups[i];
    if (step->value.length == 0 && cgroup_place(step->path, pid, err) < 0) return -1;
  }
  return gate < 0 || write(gate, "", 1) == 1 ? 0 : err_system(err, errno, "start", "");
}

// Until the program runs: its pid and terminal, then word that it was executed.
static int await_start(const struct exec_spec *spec, int status_fd, int gate, struct process *out, int *terminal,
                       struct err *err) {
  struct channel_message answer;
  out->pid = -1;
  for (;;) {
    int fds[CHANNEL_FDS_MAX];
    size_t fd_count = 0;
    pid_t sender = -1;
    ssize_t got = channel_receive(status_fd, &answer, sizeof answer, fds, &fd_count, &sender, CHANNEL_DEADLINE_MS);
    if (got < 0 && errno == ETIMEDOUT)
      return err_fail(err, FAILURE_DEADLINE, "start", "", "the process did not start within %d s",
                      CHANNEL_DEADLINE_MS / 1000);
    if (got != (ssize_t)sizeof answer)
      return err_fail(err, FAILURE_ENTRY, "start", "",
                      "the process that keeps this one was killed, or the agent of the tree");
    for (size_t i = 0; i < fd_count; i++) {
      // Not what root of a machine may send in the keeper's stead: pipes and a terminal would be closed twice.
      if (i == 0 && *terminal < 0 && spec->flags & EXEC_PTY) *terminal = fds[i];
      else close(fds[i]);
    }
    if (answer.kind == CHANNEL_STARTING) {
      out->pid = sender;
      if (place(spec, sender, gate, err) < 0) return -1;
    }
    if (answer.kind == CHANNEL_STARTED && out->pid > 0) return 0;
    if (answer.kind == CHANNEL_FAILED) {
      *err = answer.err;
      err_sanitize(err);
      return -1;
    }
  }
}

int entry_spawn(struct entry *entry, const struct exec_spec *spec, struct process *out, struct err *err) {
  struct agent_handle *agent = NULL;
  struct streams streams __attribute__((cleanup(streams_close))) = {{-1, -1, -1}, {-1, -1, -1}};
  *out = (struct process){.pid = -1, .stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1, .status_fd = -1};
  if (choose_agent(entry, spec->entry, &agent, err) < 0) return -1;
  auto_close int packed = -1, terminal = -1;
  if (spec_pack(spec, &packed, err) < 0 || streams_open(&streams, spec, err) < 0) return -1;
  int ends[2], yes = 1;
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) return err_system(err, errno, "socketpair", "");
  auto_close int status_fd = ends[0], runner_fd = ends[1], gate = -1, their_gate = -1;
  if (setsockopt(status_fd, SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes) < 0)
    return err_system(err, errno, "setsockopt", "");
  struct channel_message request = {.kind = CHANNEL_SPAWN};
  int fds[CHANNEL_FDS_MAX] = {packed, runner_fd};
  size_t fd_count = 2;
  for (int i = 0; i < 3; i++) {
    if (streams.theirs[i] < 0) continue;
    request.value |= 1 << i;
    fds[fd_count++] = streams.theirs[i];
  }
  out->lives_on = (spec->flags & EXEC_BACKGROUND) != 0 &&
                  (agent == &entry->agents[AGENT_MACHINE] || agent == &entry->agents[AGENT_HOST]);
  // Whoever reads its output may go before it: the runner reads on.
  for (int i = 1; i < 3 && out->lives_on; i++) {
    if (streams.ours[i] < 0) continue;
    request.value |= 1 << (i + 2);
    fds[fd_count++] = streams.ours[i];
  }
  if (spec->cgroup_count > 0) {
    if (make_cgroups(entry, spec, err) < 0) return -1;
    if (pipe2(ends, O_CLOEXEC) < 0) return err_system(err, errno, "pipe2", "");
    their_gate = fds[fd_count++] = ends[0];
    gate = ends[1];
    request.value |= CHANNEL_HAS_GATE;
    request.tasks = own_task_limit(spec);
  }
  // NOLINTNEXTLINE(clang-analyzer-core.NullDereference): choose_agent gives one, or fails
  if (channel_send(agent->control, &request, sizeof request, fds, fd_count) < 0)
    return err_fail_errno(err, FAILURE_ENTRY, errno, "spawn", "", "the agent of the tree is gone");
  close(steal_fd(&runner_fd));
  for (int i = 0; i < 3; i++) {
    if (streams.theirs[i] >= 0) close(steal_fd(&streams.theirs[i]));
  }
  if (await_start(spec, status_fd, gate, out, &terminal, err) < 0) return -1;
  if (fcntl(status_fd, F_SETFL, O_NONBLOCK) < 0) return err_system(err, errno, "fcntl", "");
  unsigned number;
  if (terminal >= 0 && ioctl(terminal, TIOCGPTN, &number) < 0) return err_system(err, errno, "open the terminal", "");
  if (terminal >= 0 && fcntl(terminal, F_SETFL, O_RDWR | O_NONBLOCK) < 0) return err_system(err, errno, "fcntl", "");
  out->stdin_fd = terminal >= 0 ? terminal : steal_fd(&streams.ours[0]);
  out->stdout_fd = terminal >= 0 ? steal_fd(&terminal) : steal_fd(&streams.ours[1]);
  out->stderr_fd = steal_fd(&streams.ours[2]);
  out->status_fd = steal_fd(&status_fd);
  return 0;
}

static int command(const struct process *process, uint32_t kind, int value) {
  struct channel_message message = {.kind = kind, .value = value};
  return channel_send(process->status_fd, &message, sizeof message, NULL, 0);
}

int entry_signal(struct entry *entry, const struct process *process, int signal, struct err *err) {
  (void)entry;
  if (signal <= 0 || signal > SIGRTMAX)
    return err_fail(err, FAILURE_BAD_REQUEST, "signal", "", "there is no signal %d", signal);
  return command(process, CHANNEL_SIGNAL, signal) < 0 ? err_system(err, errno == EPIPE ? ESRCH : errno, "signal", "")
                                                      : 0;
}

void entry_kill(struct entry *entry, const struct process *process, bool leftovers_only) {
  (void)entry;
  (void)leftovers_only; // the runner knows which of them are left
  command(process, CHANNEL_KILL, 0);
}

int entry_resize(struct entry *entry, const struct process *process, uint16_t rows, uint16_t columns, struct err *err) {
  (void)entry;
  return pty_resize(process->stdout_fd, rows, columns, err);
}

int entry_machine(struct entry *entry, struct machine_info *out, struct err *err) {
  struct leader leader;
  *out = (struct machine_info){0};
  int found =
      entry->config.is_host_root ? 0 : leader_find(&leader, entry->config.root_fd, entry->config.tree_name, false, err);
  if (found <= 0) return found;
  *out = leader.info;
  leader_close(&leader);
  return 0;
}

int entry_machine_root(const struct entry_config *config, int *out, struct ids *ids, struct err *err) {
  struct leader leader;
  *ids = (struct ids){0};
  *out = -1;
  if (config->is_host_root || (config->kind != ENTRY_AUTO && config->kind != ENTRY_MACHINE)) return 0;
  int found = leader_find(&leader, config->root_fd, config->tree_name, config->kind == ENTRY_AUTO, err);
  if (found <= 0) return found;
  int status = ids_read(ids, leader.process, err);
  if (status == 0) *out = steal_fd(&leader.root);
  leader_close(&leader);
  return status;
}

void entry_reap(struct entry *entry, const struct process *process) {
  (void)entry;
  command(process, CHANNEL_FORGET, 0);
}
