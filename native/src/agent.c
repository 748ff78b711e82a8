// Enters a tree and forks a runner for each process.
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "calls.h"
#include "channel.h"
#include "cleanup.h"
#include "drop.h"
#include "files.h"
#include "kernel.h"
#include "machine.h"
#include "resolv.h"
#include "runner.h"
#include "tasks.h"
#include "tree_mounts.h"

#define CONTROL_FD 3
#define END_DEADLINE_MS 8000

struct laid {
  pid_t runner;
  bool lives_on;
  char directory[FILES_DIRECTORY_MAX]; // to be removed after it; empty: none
  struct laid *next;
};

struct agent {
  struct setup setup;
  uint64_t capabilities;
  bool has_task_limit; // of its PID namespace
  int signals;
  int proc;
  int leader; // pidfd of the machine: it ends, we end
  struct laid *laid;
  // Where no PID namespace ends with the agent: daemons of runners that ended well are the agent's children from then on,
  // and live; what a killed runner leaves does not.
  bool adopts;
  pid_t *kept;
  size_t kept_count, kept_capacity;
};

// Stage 1: nothing open but the control socket, and 0, 1, 2 occupied; not to be traced, no terminal, no keys of the
// caller's.
static int isolate(int control, struct err *err) {
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) return err_system(err, errno, "set dumpable", "");
  prctl(PR_SET_NAME, "crun-agent", 0, 0, 0);
  if (control != CONTROL_FD && dup3(control, CONTROL_FD, O_CLOEXEC) < 0) return err_system(err, errno, "dup3", "");
  if (fcntl(CONTROL_FD, F_SETFD, FD_CLOEXEC) < 0) return err_system(err, errno, "fcntl", "");
  if (kernel_close_range(CONTROL_FD + 1, UINT_MAX, 0) < 0) {
    long limit = sysconf(_SC_OPEN_MAX);
    for (int fd = CONTROL_FD + 1; fd < (limit < 0 ? 65536 : limit); fd++) close(fd);
  }
  // An ended pipe rather than the host's /dev/null, whose mode a process could change through a descriptor.
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return err_system(err, errno, "pipe2", "");
  for (int number = 0; number < 3; number++) {
    if (dup2(ends[0], number) < 0) return err_system(err, errno, "dup2", "");
  }
  close(ends[0]);
  close(ends[1]);
  setsid();                                                                  // EPERM where it leads a session already
  syscall(SYS_keyctl, 1L /* KEYCTL_JOIN_SESSION_KEYRING */, 0L, 0L, 0L, 0L); // kernels without keys have none to hide
  umask(0);
  return 0;
}

static int catch_signals(struct agent *agent, struct err *err) {
  sigset_t handled;
  sigemptyset(&handled);
  sigaddset(&handled, SIGCHLD);
  if (sigprocmask(SIG_SETMASK, &handled, NULL) < 0) return err_system(err, errno, "sigprocmask", "");
  agent->signals = signalfd(-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK);
  return agent->signals < 0 ? err_system(err, errno, "signalfd", "") : 0;
}

// The procfs of the root we stand in; -1 if what is there is none.
static int open_proc(void) {
  auto_close int proc = open("/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  struct statfs status;
  return proc >= 0 && fstatfs(proc, &status) == 0 && (long)status.f_type == KERNEL_PROC_MAGIC ? steal_fd(&proc) : -1;
}

// Whether it is PID 1 of a PID namespace.
static bool is_init(const struct agent *agent) {
  return agent->setup.agent != AGENT_MACHINE && agent->setup.agent != AGENT_HOST;
}

// Stage 3.
static int enter(struct agent *agent, const int *fds, size_t fd_count, struct err *err) {
  const struct setup *setup = &agent->setup;
  agent->capabilities = CAPABILITIES_ALL;
  if (is_init(agent)) agent->has_task_limit = tasks_limit_namespace(setup->tasks);
  switch ((enum agent_kind)setup->agent) {
    case AGENT_CHROOT:
      if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) return err_system(err, errno, "set the death signal", "");
      return tree_enter_chroot(setup->root_path, &agent->proc, err);
    case AGENT_UNSHARE:
      if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) return err_system(err, errno, "set the death signal", "");
      agent->capabilities = CAPABILITIES_OF_TREE_ROOT;
      if (tree_enter_isolated(setup->root_path, &agent->proc, err) < 0 || leave_abstract_sockets(err) < 0) return -1;
      return set_hostname(setup->tree_name, err);
    case AGENT_NSPAWN:
      agent->capabilities = setup->bounding;
      agent->proc = open_proc();
      // systemd-nspawn's own masks were seen to be missing without a word (252).
      if (tree_mask(agent->proc, -1, err) < 0) return -1;
      return chdir("/") < 0 ? err_system(err, errno, "chdir", "/") : 0;
    case AGENT_MACHINE:
      if (fd_count < 2) return err_system(err, EPROTO, "join the machine", "");
      if (machine_join(fds[0], fds[1], fd_count > 2 ? fds[2] : -1, setup->bounding, setup->no_new_privileges, err) < 0)
        return -1;
      agent->capabilities = setup->bounding;
      agent->leader = fd_count > 2 ? fcntl(fds[2], F_DUPFD_CLOEXEC, 0) : -1;
      agent->proc = open_proc();
      return 0;
    case AGENT_HOST:
      agent->adopts = prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0;
      agent->proc = open_proc();
      return chdir("/") < 0 ? err_system(err, errno, "chdir", "/") : 0;
  }
  return err_system(err, EPROTO, "enter", "");
}

static bool is_runner(const struct agent *agent, pid_t pid) {
  for (const struct laid *laid = agent->laid; laid != NULL; laid = laid->next) {
    if (laid->runner == pid) return true;
  }
  return false;
}

static void keep(struct agent *agent, pid_t pid) {
  if (agent->kept_count == agent->kept_capacity) {
    size_t capacity = agent->kept_capacity * 2 + 16;
    pid_t *grown = realloc(agent->kept, capacity * sizeof *grown);
    if (grown == NULL) return; // a daemon that may be killed with a killed runner's processes
    agent->kept = grown;
    agent->kept_capacity = capacity;
  }
  agent->kept[agent->kept_count++] = pid;
}

static bool is_kept(const struct agent *agent, pid_t pid) {
  for (size_t i = 0; i < agent->kept_count; i++) {
    if (agent->kept[i] == pid) return true;
  }
  return false;
}

static void forget_kept(struct agent *agent, pid_t pid) {
  for (size_t i = 0; i < agent->kept_count; i++) {
    if (agent->kept[i] == pid) agent->kept[i--] = agent->kept[--agent->kept_count];
  }
}

// What came to the agent since the last look: from a runner that ended well it is kept, from a killed one it is killed.
// True while there is something to kill.
static bool take_orphans(struct agent *agent, bool is_killing) {
  char list[8192], *next = list;
  size_t used = 0;
  bool has_killed = false;
  auto_close int fd = agent->proc < 0 ? -1 : openat(agent->proc, "thread-self/children", O_RDONLY | O_CLOEXEC);
  for (ssize_t got = 1; fd >= 0 && got > 0 && used < sizeof list - 1; used += got > 0 ? (size_t)got : 0)
    got = read(fd, list + used, sizeof list - 1 - used);
  list[used] = '\0';
  for (long pid = strtol(next, &next, 10); pid > 0; pid = strtol(next, &next, 10)) {
    if (is_runner(agent, (pid_t)pid) || is_kept(agent, (pid_t)pid)) continue;
    if (is_killing) has_killed |= kill((pid_t)pid, SIGKILL) == 0;
    else keep(agent, (pid_t)pid);
  }
  return has_killed;
}

static void reap(struct agent *agent);

// The children of each that dies come next, so it is repeated until none comes.
static void kill_orphans(struct agent *agent) {
  for (int waited = 0; waited < END_DEADLINE_MS && take_orphans(agent, true); waited += 5) {
    nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    reap(agent);
  }
}

static void reap(struct agent *agent) {
  struct signalfd_siginfo drained;
  int state = 0;
  bool has_ended_well = false, was_killed = false;
  while (read(agent->signals, &drained, sizeof drained) > 0) {
  }
  for (;;) {
    pid_t pid = waitpid(-1, &state, WNOHANG);
    // As in the runner: what is not reaped now never is.
    if (pid < 0 && errno != ECHILD) continue;
    if (pid <= 0) break;
    if (agent->adopts) {
      forget_kept(agent, pid);
      if (is_runner(agent, pid)) *(WIFSIGNALED(state) ? &was_killed : &has_ended_well) = true;
    }
    for (struct laid **slot = &agent->laid; *slot != NULL; slot = &(*slot)->next) {
      if ((*slot)->runner != pid) continue;
      struct laid *ended = *slot;
      *slot = ended->next;
      if (ended->directory[0] != '\0') files_remove(ended->directory);
      free(ended);
      break;
    }
  }
  if (was_killed) kill_orphans(agent);
  else if (has_ended_well) take_orphans(agent, false);
}

// What the process has beyond its entry's default, and how its system calls are filtered.
static int allow(const struct agent *agent, const struct exec_spec *spec, struct runner_config *config,
                 struct err *err) {
  uint32_t kind = agent->setup.agent;
  if (kind == AGENT_HOST) return 0; // the host's own root is under none of this
  bool is_machine = kind == AGENT_MACHINE;
  // A machine that may not filter has got its filter when it was joined.
  config->is_filtered =
      kind == AGENT_CHROOT || kind == AGENT_UNSHARE || (is_machine && capabilities_may_filter(agent->capabilities));
  if (is_machine && config->is_filtered && spec->calls & ~CALLS_OF_KEEPERS)
    return err_fail(err, FAILURE_ENTRY, "allow", "",
                    "keyrings, userfaultfd and all_calls cannot be allowed in a machine: they reach the host");
  if (is_machine) config->groups = CALLS_OF_MACHINE;
  if (spec->calls != 0 && !config->is_filtered)
    return err_fail(err, FAILURE_ENTRY, "allow", "", "system calls cannot be allowed here: %s decides about them",
                    is_machine ? "the machine" : "systemd-nspawn");
  if (kind == AGENT_UNSHARE || kind == AGENT_NSPAWN) config->capabilities |= spec->capabilities;
  config->wanted = spec->capabilities;
  return 0;
}

// Stage 5: fds are the spec, the runner's socket, and the streams that there are (bit i of `value`: stream i; bits 3 and
// 4: the other ends of 1 and 2).
static int spawn(struct agent *agent, const struct channel_message *message, const int *fds, size_t fd_count,
                 struct err *err) {
  struct unpacked_spec spec;
  struct runner_config config = {.spec = &spec.spec,
                                 .capabilities = agent->capabilities,
                                 .streams = {-1, -1, -1},
                                 .drains = {-1, -1},
                                 .gate = -1,
                                 .proc = agent->proc};
  if (fd_count < 2) return err_system(err, EPROTO, "spawn", "");
  size_t next = 2;
  for (int i = 0; i < 3; i++) {
    if (message->value & 1 << i && next < fd_count) config.streams[i] = fds[next++];
  }
  for (int i = 0; i < 2; i++) {
    if (message->value & 8 << i && next < fd_count) config.drains[i] = fds[next++];
  }
  if (message->value & CHANNEL_HAS_GATE && next < fd_count) config.gate = fds[next++];
  config.socket = fds[1];
  config.is_private = is_init(agent);
  config.may_use_others = agent->setup.agent == AGENT_UNSHARE;
  // A limit of the process's own, in a cgroup: that of the tree must not be in its way.
  if (config.is_private && message->tasks > agent->setup.tasks) {
    agent->setup.tasks = message->tasks;
    if (agent->has_task_limit) tasks_limit_namespace(message->tasks);
  }
  if (config.is_private && !agent->has_task_limit) config.tasks = agent->setup.tasks;
  if (spec_unpack(fds[0], &spec, err) < 0) return -1;
  if (allow(agent, &spec.spec, &config, err) < 0) return spec_forget(&spec), -1;
  config.lives_on = !config.is_private && (spec.spec.flags & EXEC_BACKGROUND) != 0;
  struct laid *laid = calloc(1, sizeof *laid);
  if (laid == NULL) return spec_forget(&spec), err_system(err, ENOMEM, "spawn", "");
  bool is_shared = spec.spec.file_count > 0 && !config.is_private;
  if (is_shared && files_lay_shared(&spec.spec, laid->directory, err) < 0) return spec_forget(&spec), free(laid), -1;
  memcpy(config.files_directory, laid->directory, sizeof laid->directory);
  laid->runner = fork();
  if (laid->runner == 0) {
    close(CONTROL_FD);
    close(agent->signals);
    if (agent->leader >= 0) close(agent->leader);
    close(fds[0]);
    _exit(runner_main(&config));
  }
  if (laid->runner < 0) {
    tasks_fail_fork(err, errno);
    if (laid->directory[0] != '\0') files_remove(laid->directory);
    return spec_forget(&spec), free(laid), -1;
  }
  laid->lives_on = config.lives_on;
  laid->next = agent->laid;
  agent->laid = laid;
  spec_forget(&spec);
  return 0;
}

static void tell(int socket, uint32_t kind, const struct err *err) {
  struct channel_message message = {.kind = kind};
  if (err != NULL) message.err = *err;
  channel_send(socket, &message, sizeof message, NULL, 0); // a worker that is gone is seen at the next read
}

// Returns when the worker is gone, or the machine.
static void serve(struct agent *agent) {
  for (;;) {
    struct pollfd wait[3] = {{.fd = agent->signals, .events = POLLIN},
                             {.fd = CONTROL_FD, .events = POLLIN},
                             {.fd = agent->leader, .events = POLLIN}};
    if (poll(wait, 3, -1) < 0 && errno != EINTR) return;
    reap(agent);
    if (wait[2].revents != 0) return;
    if (wait[1].revents == 0) continue;
    struct channel_message message;
    int fds[CHANNEL_FDS_MAX];
    size_t fd_count = 0;
    ssize_t got = channel_receive(CONTROL_FD, &message, sizeof message, fds, &fd_count, NULL, 0);
    if (got == 0 || (got < 0 && errno != ETIMEDOUT)) return;
    struct err err;
    err_clear(&err);
    if (got == (ssize_t)sizeof message && message.kind == CHANNEL_SPAWN &&
        spawn(agent, &message, fds, fd_count, &err) < 0 && fd_count > 1)
      tell(fds[1], CHANNEL_FAILED, &err);
    for (size_t i = 0; i < fd_count; i++) close(fds[i]);
  }
}

// Stage 6, where no PID namespace ends with the agent.
static void end_runners(struct agent *agent) {
  // Those of jobs that live on look after themselves.
  for (struct laid **slot = &agent->laid; *slot != NULL;) {
    struct laid *laid = *slot;
    if (laid->lives_on) {
      *slot = laid->next;
      free(laid);
    } else {
      slot = &laid->next;
    }
  }
  // A machine's root may have stopped them.
  for (struct laid *laid = agent->laid; laid != NULL; laid = laid->next) {
    kill(laid->runner, SIGTERM);
    kill(laid->runner, SIGCONT);
  }
  for (int waited = 0; agent->laid != NULL && waited < END_DEADLINE_MS; waited += 20) {
    struct pollfd wait = {.fd = agent->signals, .events = POLLIN};
    poll(&wait, 1, 20);
    reap(agent);
  }
  for (struct laid *laid = agent->laid; laid != NULL; laid = laid->next) {
    kill(laid->runner, SIGKILL);
    if (laid->directory[0] != '\0') files_remove(laid->directory);
  }
}

static int run_agent(int control) {
  struct agent agent = {.signals = -1, .proc = -1, .leader = -1};
  struct err err;
  err_clear(&err);
  int fds[CHANNEL_FDS_MAX];
  size_t fd_count = 0;
  bool is_entered = isolate(control, &err) == 0 && catch_signals(&agent, &err) == 0;
  // 2: a worker that dies before this message, or within it, leaves an agent that has entered nothing and ends.
  if (is_entered) {
    ssize_t got =
        channel_receive(CONTROL_FD, &agent.setup, sizeof agent.setup, fds, &fd_count, NULL, CHANNEL_DEADLINE_MS);
    if (got <= 0) return 1;
    is_entered = got == (ssize_t)sizeof agent.setup && agent.setup.kind == CHANNEL_SETUP &&
                 enter(&agent, fds, fd_count, &err) == 0;
  }
  for (size_t i = 0; i < fd_count; i++) close(fds[i]);
  // 4
  tell(CONTROL_FD, is_entered ? CHANNEL_READY : CHANNEL_FAILED, &err);
  if (!is_entered) return 1;
  serve(&agent);
  if (!is_init(&agent)) end_runners(&agent);
  return 0;
}

bool agent_main(int count, char **arguments, int *exit_status) {
  if (count != 3 || strcmp(arguments[1], "--agent") != 0) return false;
  int control = arguments[2][0] == '0' ? 0 : CONTROL_FD;
  *exit_status = run_agent(control);
  return true;
}
