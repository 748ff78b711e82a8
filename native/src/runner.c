// Watches over one process.
#include "runner.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "calls.h"
#include "channel.h"
#include "cleanup.h"
#include "device_mounts.h"
#include "drop.h"
#include "files.h"
#include "print.h"
#include "start.h"
#include "tasks.h"
#include "words.h"

// How long leftovers are chased before the end is told all the same, and how often.
#define KILL_DEADLINE_MS 5000
#define KILL_INTERVAL_MS 3

struct runner {
  struct runner_config *config;
  int signals;
  int report; // read end; -1 once the start is told
  pid_t child;
  bool has_started, has_ended, is_told, is_killing, is_gone;
  bool is_detached; // the worker is gone, the process is not to be
  int64_t kill_deadline;
  int64_t time_over; // ms; 0: never
  struct process_status status;
};

static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void tell(struct runner *runner, uint32_t kind, const struct err *err) {
  struct channel_message message = {.kind = kind};
  if (err != NULL) message.err = *err;
  if (channel_send(runner->config->socket, &message, sizeof message, NULL, 0) < 0) runner->is_gone = true;
}

static size_t read_proc(int proc, const char *path, char *out, size_t capacity) {
  auto_close int fd = proc < 0 ? -1 : openat(proc, path, O_RDONLY | O_CLOEXEC);
  size_t used = 0;
  while (fd >= 0 && used < capacity - 1) {
    ssize_t got = read(fd, out + used, capacity - 1 - used);
    if (got <= 0) break;
    used += (size_t)got;
  }
  out[used] = '\0';
  return used;
}

// Kills the children that there are now: as their own children become ours when they die, repeating it reaches all
// descendants.
static void kill_children(struct runner *runner) {
  char list[8192], *next = list;
  if (!runner->has_ended) {
    kill(-runner->child, SIGKILL);
    kill(runner->child, SIGKILL);
  }
  read_proc(runner->config->proc, "thread-self/children", list, sizeof list);
  for (long pid = strtol(next, &next, 10); pid > 0; pid = strtol(next, &next, 10)) kill((pid_t)pid, SIGKILL);
}

static bool has_children(void) {
  siginfo_t info;
  return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

static void start_killing(struct runner *runner) {
  if (runner->is_killing) return;
  runner->is_killing = true;
  runner->kill_deadline = now_ms() + KILL_DEADLINE_MS;
}

static void reap(struct runner *runner) {
  struct signalfd_siginfo drained[8];
  while (read(runner->signals, drained, sizeof drained) > 0) {
    for (size_t i = 0; i < sizeof drained / sizeof *drained; i++) {
      if (drained[i].ssi_signo != SIGTERM) continue;
      runner->is_gone = true;
      if (runner->config->lives_on) start_killing(runner);
    }
    memset(drained, 0, sizeof drained);
  }
  int state;
  struct rusage usage;
  for (;;) {
    pid_t pid = wait4(-1, &state, WNOHANG, &usage);
    // The signal is taken already: what is not reaped now never is.
    if (pid < 0 && errno != ECHILD) continue;
    if (pid <= 0) break;
    if (pid != runner->child) continue;
    runner->has_ended = true;
    runner->status.kind = WIFSIGNALED(state) ? EXIT_SIGNALED : EXIT_EXITED;
    runner->status.value = (uint32_t)(WIFSIGNALED(state) ? WTERMSIG(state) : WEXITSTATUS(state));
    runner->status.cpu_ms = (uint32_t)((usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
                                       (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000);
    if (runner->config->spec->flags & EXEC_KILL_LEFTOVERS) start_killing(runner);
  }
}

// The foreground group of the process's terminal: field 8 of its stat, after the name in parentheses.
static pid_t foreground_group(const struct runner *runner) {
  char path[32], stat[1024];
  char *fields[6];
  print_text(path, sizeof path, "%d/stat", runner->child);
  read_proc(runner->config->proc, path, stat, sizeof stat);
  char *after = strrchr(stat, ')');
  return after != NULL && split_words(after + 1, fields, 6) == 6 ? (pid_t)strtol(fields[5], NULL, 10) : -1;
}

static void send_signal(const struct runner *runner, int number) {
  if (runner->has_ended || number <= 0 || number >= NSIG) return;
  pid_t group = runner->config->spec->flags & EXEC_PTY ? foreground_group(runner) : -1;
  if (group <= 1 || kill(-group, number) < 0) {
    if (kill(-runner->child, number) < 0) kill(runner->child, number);
  }
}

static void take_command(struct runner *runner) {
  struct channel_message message;
  ssize_t got = channel_receive(runner->config->socket, &message, sizeof message, NULL, NULL, NULL, 0);
  if (got == 0) runner->is_gone = true;
  if (got != (ssize_t)sizeof message) return;
  if (message.kind == CHANNEL_SIGNAL) send_signal(runner, message.value);
  if (message.kind == CHANNEL_KILL) start_killing(runner);
  if (message.kind == CHANNEL_FORGET) runner->is_gone = true;
}

// End of file: the program runs. Else its error came.
static void take_report(struct runner *runner) {
  struct err err;
  ssize_t got = read(runner->report, &err, sizeof err);
  if (got < 0 && errno == EINTR) return;
  close(steal_fd(&runner->report));
  if (got == (ssize_t)sizeof err) {
    tell(runner, CHANNEL_FAILED, &err);
    runner->is_gone = true;
  } else {
    runner->has_started = true;
    tell(runner, CHANNEL_STARTED, NULL);
  }
}

static void tell_status(struct runner *runner) {
  runner->is_told = true;
  if (channel_send(runner->config->socket, &runner->status, sizeof runner->status, NULL, 0) < 0) runner->is_gone = true;
  // The worker reads the end of file after it; commands still come in.
  shutdown(runner->config->socket, SHUT_WR);
}

// Nobody will read what the process writes: it goes nowhere, and the process must not be held up by it.
static void drain(const struct pollfd *wait, int *fd) {
  char nowhere[4096];
  if (wait->revents == 0) return;
  ssize_t got = read(*fd, nowhere, sizeof nowhere);
  if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) close(steal_fd(fd));
}

static int wait_ms(const struct runner *runner, bool is_killing) {
  if (is_killing) return KILL_INTERVAL_MS;
  if (!runner->is_detached || runner->time_over == 0) return -1;
  int64_t left = runner->time_over - now_ms();
  return left <= 0 ? 0 : left > 60000 ? 60000 : (int)left;
}

static void watch(struct runner *runner) {
  struct runner_config *config = runner->config;
  for (;;) {
    runner->is_detached = config->lives_on && runner->is_gone && runner->has_started && !runner->has_ended;
    if (runner->is_detached && runner->time_over != 0 && now_ms() >= runner->time_over) start_killing(runner);
    bool must_kill = runner->is_killing || (runner->is_gone && !runner->has_ended && !runner->is_detached);
    if (must_kill) {
      start_killing(runner);
      kill_children(runner);
    }
    struct pollfd wait[5] = {{.fd = runner->signals, .events = POLLIN},
                             {.fd = runner->is_gone ? -1 : config->socket, .events = POLLIN},
                             {.fd = runner->report, .events = POLLIN},
                             {.fd = runner->is_detached ? config->drains[0] : -1, .events = POLLIN},
                             {.fd = runner->is_detached ? config->drains[1] : -1, .events = POLLIN}};
    if (poll(wait, 5, wait_ms(runner, must_kill)) < 0 && errno != EINTR) return;
    if (wait[2].revents != 0) take_report(runner);
    drain(&wait[3], &config->drains[0]);
    drain(&wait[4], &config->drains[1]);
    reap(runner);
    if (wait[1].revents != 0 && !runner->is_gone) take_command(runner);
    bool is_killed = !runner->is_killing || !has_children() || now_ms() > runner->kill_deadline;
    if (is_killed && runner->has_ended) runner->is_killing = false;
    if (runner->has_started && runner->has_ended && is_killed && !runner->is_told) tell_status(runner);
    if (runner->is_gone && runner->has_ended && is_killed) return;
    if (runner->is_gone && runner->is_killing && now_ms() > runner->kill_deadline) return;
  }
}

static int prepare(struct runner *runner, int *report_write, struct err *err) {
  struct runner_config *config = runner->config;
  sigset_t handled;
  sigemptyset(&handled);
  sigaddset(&handled, SIGCHLD);
  sigaddset(&handled, SIGTERM);
  if (sigprocmask(SIG_SETMASK, &handled, NULL) < 0) return err_system(err, errno, "sigprocmask", "");
  runner->signals = signalfd(-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK);
  if (runner->signals < 0) return err_system(err, errno, "signalfd", "");
  // EINVAL: qemu-user knows it not; then what a process leaves behind on the host's own root is not found.
  if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0 && errno != EINVAL)
    return err_system(err, errno, "become a subreaper", "");
  prctl(PR_SET_NAME, "crun-runner", 0, 0, 0);
  // An agent that is killed where no PID namespace ends with it: as if it had said so.
  if (!config->lives_on && prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) < 0) return err_system(err, errno, "set the death signal", "");
  if (config->spec->device_count > 0 && mount_allowed_devices(config->spec, config->may_use_others, err) < 0) return -1;
  if (config->spec->file_count > 0 && config->is_private &&
      files_lay_private(config->spec, config->may_use_others, config->files_directory, err) < 0)
    return -1;
  if (config->is_filtered && calls_restrict(config->capabilities, config->spec->calls | config->groups, err) < 0) return -1;
  if (capabilities_cut(config->capabilities, err) < 0 || capabilities_need(config->wanted, err) < 0) return -1;
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return err_system(err, errno, "pipe2", "");
  runner->report = ends[0];
  *report_write = ends[1];
  return 0;
}

int runner_main(struct runner_config *config) {
  struct runner runner = {.config = config, .signals = -1, .report = -1, .child = -1};
  auto_close int report_write = -1;
  struct err err;
  err_clear(&err);
  if (prepare(&runner, &report_write, &err) < 0) {
    tell(&runner, CHANNEL_FAILED, &err);
    return 1;
  }
  struct start start = {.spec = config->spec,
                        .files_directory = config->files_directory,
                        .socket = config->socket,
                        .gate = config->gate,
                        .tasks = config->tasks,
                        .report = report_write};
  memcpy(start.streams, config->streams, sizeof start.streams);
  runner.child = fork();
  if (runner.child == 0) start_process(&start);
  if (runner.child < 0) {
    tasks_fail_fork(&err, errno);
    tell(&runner, CHANNEL_FAILED, &err);
    return 1;
  }
  // The process's own from now on: its ends must be the last ones.
  close(steal_fd(&report_write));
  for (int i = 0; i < 3; i++) {
    if (config->streams[i] > 2) close(config->streams[i]);
  }
  if (config->spec->timeout_ms > 0) runner.time_over = now_ms() + config->spec->timeout_ms;
  watch(&runner);
  // The agent, which removes them else, went before.
  if (config->lives_on && runner.is_gone && config->files_directory[0] != '\0') files_remove(config->files_directory);
  return 0;
}
