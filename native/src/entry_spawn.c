// Hands processes of an entry to its agents, and speaks with those that keep them.
#include "entry_state.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup.h"
#include "cleanup.h"
#include "pty.h"
#include "tasks.h"

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
    if (entry_remember(entry, step->path) < 0) return rmdir(step->path), err_system(err, ENOMEM, "limit", step->path);
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
  if (agent_choose(entry, spec->entry, &agent, err) < 0) return -1;
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
  // NOLINTNEXTLINE(clang-analyzer-core.NullDereference): agent_choose gives one, or fails
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

void entry_reap(struct entry *entry, const struct process *process) {
  (void)entry;
  command(process, CHANNEL_FORGET, 0);
}
