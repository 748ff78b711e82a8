// Follows the helper by ptrace: counts its system calls and does the fault at the one that is meant.
#include "tracer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/ptrace.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "calls.h"
#include "registers.h"

// More than a worker without a router takes to clean up.
#define LEFT_SECONDS 20
#define PROCESSES_MAX 512
#define OPTIONS                                                                                             \
  (PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | \
   PTRACE_O_EXITKILL)

enum role { ROUTER, WORKER, AGENT, RUNNER, PROGRAM, OTHER, ROLES };
static const char *const role_names[ROLES] = {"router", "worker", "agent", "runner", "program", "other"};

struct process {
  pid_t pid;
  enum role role;
  char name[32];  // the role with its number
  uint64_t count;
  int pending;    // the error that the call at hand is to end with; 0: none
  bool is_known;  // its parent was heard of it
  bool waits;     // stopped until then
};

struct tracer {
  const struct fault *fault;
  FILE *log;
  pid_t helper;
  struct process processes[PROCESSES_MAX];
  size_t count;
  unsigned numbers[ROLES];
  uint64_t all_calls;
  bool is_counting;  // from the helper's first own call
  bool has_fired;
  long stays_number;  // the kind of call that goes on failing
  int stays_error;
};

static volatile sig_atomic_t is_end_asked;

static void on_end(int signal) {
  (void)signal;
  is_end_asked = 1;
}

// 1. Who is who.
static struct process *find(struct tracer *tracer, pid_t pid) {
  for (size_t i = 0; i < tracer->count; i++) {
    if (tracer->processes[i].pid == pid) return &tracer->processes[i];
  }
  return NULL;
}

static struct process *add(struct tracer *tracer, pid_t pid) {
  struct process *process = find(tracer, pid);
  if (process != NULL) return process;
  if (tracer->count == PROCESSES_MAX) abort();
  process = &tracer->processes[tracer->count++];
  *process = (struct process){.pid = pid, .role = OTHER};
  return process;
}

static void drop(struct tracer *tracer, pid_t pid) {
  struct process *process = find(tracer, pid);
  if (process != NULL) *process = tracer->processes[--tracer->count];
}

static void name_process(struct tracer *tracer, struct process *process, enum role role) {
  process->role = role;
  process->is_known = true;
  if (role == ROUTER) strcpy(process->name, role_names[role]);
  else snprintf(process->name, sizeof process->name, "%s.%u", role_names[role], ++tracer->numbers[role]);
}

static enum role child_of(enum role parent) {
  switch (parent) {
    case ROUTER: return WORKER;
    case WORKER: return AGENT;
    case AGENT: return RUNNER;
    case RUNNER: return PROGRAM;
    case PROGRAM:
    case OTHER:
    case ROLES: return OTHER;
  }
  return OTHER;
}

// A copy of the helper: it executes itself anew. Another program is let go.
static bool is_helper(const struct process *process) {
  char path[64], line[512];
  if (process->role == ROUTER) return true;
  snprintf(path, sizeof path, "/proc/%d/cmdline", process->pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t length = fd < 0 ? -1 : read(fd, line, sizeof line - 1);
  if (fd >= 0) close(fd);
  if (length <= 0) return false;
  line[length] = '\0';
  size_t first = strlen(line) + 1;
  return first < (size_t)length && strcmp(line + first, "--agent") == 0;
}

// 2. What it calls.
static void read_text(pid_t pid, uint64_t address, char *out, size_t capacity) {
  size_t used = 0;
  // By small pieces: the text may end before a page that is not there.
  while (address != 0 && used < capacity - 1) {
    size_t piece = 16 - (address + used) % 16;
    if (piece > capacity - 1 - used) piece = capacity - 1 - used;
    struct iovec here = {out + used, piece}, there = {(void *)(uintptr_t)(address + used), piece};
    if (process_vm_readv(pid, &here, 1, &there, 1, 0) != (ssize_t)piece) break;
    if (memchr(out + used, 0, piece) != NULL) return;
    used += piece;
  }
  out[used] = '\0';
}

static void path_of(pid_t pid, const struct call *call, const struct ptrace_syscall_info *info, char *out, size_t capacity) {
  out[0] = '\0';
  if (call->path_argument > 0) read_text(pid, info->entry.args[call->path_argument - 1], out, capacity);
  for (char *at = out; *at != '\0'; at++) {
    if ((unsigned char)*at < ' ') *at = '?';
  }
}

static bool can_be_short(const struct call *call, const struct ptrace_syscall_info *info) {
  return call->length_argument > 0 && info->entry.args[call->length_argument - 1] > 1;
}

static void write_down(const struct tracer *tracer, const struct process *process, const struct call *call,
                       const struct ptrace_syscall_info *info) {
  char path[256];
  path_of(process->pid, call, info, path, sizeof path);
  fprintf(tracer->log, "call\t%s\t%" PRIu64 "\t%s\t%s\t", process->name, process->count, call->name, path);
  for (size_t i = 0; i < CALL_ERRORS && call->errors[i] != 0; i++)
    fprintf(tracer->log, "%s%s", i == 0 ? "" : ",", call_error_name(call->errors[i]));
  if (can_be_short(call, info)) fprintf(tracer->log, "\tshort");
  fputc('\n', tracer->log);
}

// 3. The fault.
static void fail(struct process *process, const struct call *call, int error) {
  if (call->is_done_anyway || registers_skip_call(process->pid)) process->pending = error;
}

static void fire(struct tracer *tracer, struct process *process, const struct call *call,
                 const struct ptrace_syscall_info *info) {
  const struct fault *fault = tracer->fault;
  const char *what = "nothing";
  char path[256];
  path_of(process->pid, call, info, path, sizeof path);
  tracer->has_fired = true;
  if (fault->kind == FAULT_KILL) {
    what = "kill";
    kill(process->pid, SIGKILL);
  } else if (fault->kind == FAULT_SHORT && can_be_short(call, info)) {
    what = "short";
    registers_set_argument(process->pid, call->length_argument - 1, info->entry.args[call->length_argument - 1] / 2);
  } else if (fault->kind == FAULT_FAIL) {
    int error = fault->error != 0 ? fault->error : call->errors[fault->choice];
    if (error != 0) {
      what = call_error_name(error);
      fail(process, call, error);
      if (fault->stays) {
        tracer->stays_number = call->number;
        tracer->stays_error = error;
      }
    }
  }
  fprintf(tracer->log, "fired\t%s\t%" PRIu64 "\t%s\t%s\t%s\n", process->name, process->count, call->name, what, path);
}

static void enter_call(struct tracer *tracer, struct process *process, const struct ptrace_syscall_info *info) {
  const struct fault *fault = tracer->fault;
  const struct call *call = call_find((long)info->entry.nr);
  if (info->entry.nr == TRACE_BEGINS) tracer->is_counting = true;
  if (call == NULL || !tracer->is_counting) return;
  process->count++;
  tracer->all_calls++;
  if (tracer->has_fired) {
    if (fault->stays && call->number == tracer->stays_number) fail(process, call, tracer->stays_error);
    return;
  }
  if (fault->number == 0) {
    write_down(tracer, process, call, info);
    return;
  }
  bool is_meant = strcmp(fault->role, "any") == 0
                      ? tracer->all_calls == fault->number
                      : process->count == fault->number && strcmp(fault->role, process->name) == 0;
  if (is_meant) fire(tracer, process, call, info);
}

static void at_call(struct tracer *tracer, struct process *process) {
  struct ptrace_syscall_info info;
  if (ptrace(PTRACE_GET_SYSCALL_INFO, process->pid, sizeof info, &info) <= 0) return;
  if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
    enter_call(tracer, process, &info);
  } else if (info.op == PTRACE_SYSCALL_INFO_EXIT && process->pending != 0) {
    registers_set_result(process->pid, -process->pending);
    process->pending = 0;
  }
}

// 4. Stops.
static void go_on(const struct tracer *tracer, const struct process *process, int signal) {
  // What has failed once is not looked for again, and goes on at full speed.
  bool is_quiet = tracer->has_fired && !tracer->fault->stays && process->pending == 0;
  ptrace(is_quiet ? PTRACE_CONT : PTRACE_SYSCALL, process->pid, 0, (long)signal);
}

static void at_fork(struct tracer *tracer, struct process *parent) {
  unsigned long pid = 0;
  enum role role = child_of(parent->role);
  if (ptrace(PTRACE_GETEVENTMSG, parent->pid, 0, &pid) != 0) return;
  struct process *child = add(tracer, (pid_t)pid);
  name_process(tracer, child, role);
  if (child->waits) go_on(tracer, child, 0);
  child->waits = false;
}

static void at_stop(struct tracer *tracer, struct process *process, int status) {
  int signal = WSTOPSIG(status), event = status >> 16;
  pid_t pid = process->pid;
  if (signal == (SIGTRAP | 0x80)) {
    at_call(tracer, process);
    go_on(tracer, process, 0);
  } else if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK || event == PTRACE_EVENT_CLONE) {
    at_fork(tracer, process);
    process = find(tracer, pid);
    if (process != NULL) go_on(tracer, process, 0);
  } else if (event == PTRACE_EVENT_EXEC) {
    if (is_helper(process)) {
      go_on(tracer, process, 0);
    } else {
      ptrace(PTRACE_DETACH, pid, 0, 0);
      drop(tracer, pid);
    }
  } else if (event == PTRACE_EVENT_STOP) {
    bool is_group_stop = signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
    if (is_group_stop) ptrace(PTRACE_LISTEN, pid, 0, 0);
    else if (process->is_known) go_on(tracer, process, 0);
    else process->waits = true;
  } else {
    go_on(tracer, process, signal);
  }
}

// 5. The end.
static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// All that descends from us is the helper's.
static void tell_left(const struct tracer *tracer, pid_t parent) {
  char path[64], list[8192], *next = list;
  snprintf(path, sizeof path, "/proc/%d/task/%d/children", parent, parent);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t length = fd < 0 ? 0 : read(fd, list, sizeof list - 1);
  if (fd >= 0) close(fd);
  list[length < 0 ? 0 : length] = '\0';
  for (long pid = strtol(next, &next, 10); pid > 0; pid = strtol(next, &next, 10)) {
    char command[256] = "";
    snprintf(path, sizeof path, "/proc/%ld/cmdline", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    length = fd < 0 ? 0 : read(fd, command, sizeof command - 1);
    if (fd >= 0) close(fd);
    for (ssize_t i = 0; i + 1 < length; i++) {
      if ((unsigned char)command[i] < ' ') command[i] = ' ';
    }
    fprintf(tracer->log, "left\t%ld\t%s\n", pid, command);
    tell_left(tracer, (pid_t)pid);
    kill((pid_t)pid, SIGKILL);
  }
}

static int follow(struct tracer *tracer) {
  int64_t end = 0;
  int exit_status = 0;
  for (;;) {
    int status;
    pid_t pid = waitpid(-1, &status, __WALL | (end == 0 ? 0 : WNOHANG));
    if (is_end_asked && end == 0) {
      is_end_asked = 0;
      fprintf(tracer->log, "asked to end\n");
      kill(tracer->helper, SIGKILL);
    }
    if (pid < 0 && errno == EINTR) continue;
    if (pid < 0) return exit_status;
    if (pid == 0) {
      if (now_ms() > end) {
        tell_left(tracer, getpid());
        return exit_status;
      }
      nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
    } else if (WIFSTOPPED(status)) {
      at_stop(tracer, add(tracer, pid), status);
    } else {
      drop(tracer, pid);
      if (pid != tracer->helper) continue;
      end = now_ms() + LEFT_SECONDS * 1000;
      exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
  }
}

int trace(pid_t helper, int gate, const struct fault *fault, FILE *log) {
  static struct tracer tracer;
  struct sigaction action = {.sa_handler = on_end};
  tracer = (struct tracer){.fault = fault, .log = log, .helper = helper, .stays_number = -1};
  name_process(&tracer, add(&tracer, helper), ROUTER);
  sigaction(SIGTERM, &action, NULL);
  signal(SIGINT, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
  if (ptrace(PTRACE_SEIZE, helper, 0, OPTIONS) != 0 || ptrace(PTRACE_INTERRUPT, helper, 0, 0) != 0 ||
      write(gate, "", 1) != 1) {
    perror("crun-helper-faulty: ptrace");
    kill(helper, SIGKILL);
    return 2;
  }
  close(gate);
  int exit_status = follow(&tracer);
  fprintf(log, "ended\n");
  fclose(log);
  return exit_status;
}
