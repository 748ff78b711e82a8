// The end of things: of processes, their descendants, the agent, the worker.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"
#include "life.h"
#include "tests.h"

static const char *tree;

static bool is_alive(pid_t pid) {
  char path[32], text[512] = "";
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  int fd = open(path, O_RDONLY);
  ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (fd >= 0) close(fd);
  return got > 0 && strstr(text, ") Z ") == NULL && strstr(text, ") X ") == NULL;
}

bool ends_within(pid_t pid, int ms) {
  for (; ms > 0 && is_alive(pid); ms -= 10) nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
  return !is_alive(pid);
}

static bool reads(pid_t pid, const char *name, char *out, size_t capacity) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t got = fd < 0 ? -1 : read(fd, out, capacity - 1);
  if (fd >= 0) close(fd);
  out[got < 0 ? 0 : got] = '\0';
  for (ssize_t i = 0; i < got - 1; i++) {
    if (out[i] == '\0') out[i] = ' ';
  }
  return got > 0;
}

pid_t host_pid_of(const char *mark, const char *root, pid_t parent) {
  struct stat wanted, actual;
  DIR *processes = opendir("/proc");
  pid_t found = 0;
  if (stat(root, &wanted) < 0 || processes == NULL) exit(2);
  for (struct dirent *item = readdir(processes); found == 0 && item != NULL; item = readdir(processes)) {
    char text[4096], path[64];
    pid_t pid = (pid_t)atoi(item->d_name);
    if (pid <= 0 || !reads(pid, "cmdline", text, sizeof text) || strncmp(text, mark, strlen(mark)) != 0) continue;
    snprintf(path, sizeof path, "/proc/%d/root", pid);
    if (stat(path, &actual) < 0 || actual.st_dev != wanted.st_dev || actual.st_ino != wanted.st_ino) continue;
    int actual_parent = 0;
    if (!reads(pid, "stat", text, sizeof text) || sscanf(strrchr(text, ')') + 1, " %*c %d", &actual_parent) != 1)
      continue;
    if (parent == 0 || actual_parent == parent) found = pid;
  }
  closedir(processes);
  return found;
}

static struct exec_spec spec_of(char **argv, uint32_t flags) {
  static char *environment[] = {(char *)(uintptr_t) "PATH=/bin", NULL};
  return (struct exec_spec){.argv = argv,
                            .environment = environment,
                            .directory = "",
                            .user = "",
                            .flags = flags,
                            .umask = 022,
                            .entry = ENTRY_TREES};
}

static void close_process(struct entry *entry, struct process *process) {
  entry_reap(entry, process);
  close(process->stdout_fd);
  if (process->stderr_fd >= 0) close(process->stderr_fd);
  close(process->status_fd);
}

static bool read_status(struct process *process, struct process_status *status) {
  struct pollfd wait = {.fd = process->status_fd, .events = POLLIN};
  return poll(&wait, 1, 10000) > 0 && read(process->status_fd, status, sizeof *status) == (ssize_t)sizeof *status;
}

static void daemons_end_with_the_run(void) {
  begin("a daemon lives as long as the run and not longer, however it detached");
  struct entry *entry = open_entry(tree, ENTRY_UNSHARE);
  struct result result = run_program(entry, NULL, "/bin/payload", "payload", "daemon", NULL);
  char script[64];
  snprintf(script, sizeof script, "kill -0 %d", atoi(result.out));
  forget(&result);
  result = run_shell(entry, NULL, script);
  CHECK(result.status.value == 0, "the daemon ended with its starter: %s", result.err_text);
  forget(&result);
  pid_t daemon = host_pid_of("/bin/payload payload daemon", tree, 0);
  CHECK(daemon > 0, "no daemon on the host");
  entry_close(entry);
  CHECK(daemon > 0 && !is_alive(daemon), "the daemon %d outlived the entry", daemon);
}

static void leftovers(void) {
  begin("with flag 8 what a process left behind is killed when it ends, and nothing else is");
  struct entry *entry = open_entry(tree, ENTRY_UNSHARE);
  struct result kept = run_program(entry, NULL, "/bin/payload", "payload", "daemon", NULL);
  struct result killed =
      run_program(entry, &(struct run){.flags = EXEC_KILL_LEFTOVERS}, "/bin/payload", "payload", "daemon", NULL);
  CHECK(killed.status.kind == EXIT_EXITED && killed.status.value == 0, "kind %u value %u", killed.status.kind,
        killed.status.value);
  char script[128];
  snprintf(script, sizeof script, "kill -0 %d && echo kept; kill -0 %d 2>/dev/null || echo killed", atoi(kept.out),
           atoi(killed.out));
  forget(&kept);
  forget(&killed);
  struct result result = run_shell(entry, NULL, script);
  CHECK_TEXT(result.out, "kept\nkilled\n");
  forget(&result);
  begin("a kill (timeout, cancel) ends the process and all that descends from it, sessions of its own included");
  result = run_shell(entry, &(struct run){.kill_after_ms = 300},
                     "/bin/payload payload daemon; setsid sleep 500 & trap '' TERM INT HUP; sleep 501; sleep 502");
  CHECK(result.status.kind == EXIT_SIGNALED && result.status.value == SIGKILL, "kind %u value %u", result.status.kind,
        result.status.value);
  snprintf(script, sizeof script, "kill -0 %d 2>/dev/null || echo killed; ps | grep -c '[s]leep 50'", atoi(result.out));
  forget(&result);
  result = run_shell(entry, NULL, script);
  CHECK_TEXT(result.out, "killed\n0\n");
  forget(&result);
  entry_close(entry);
}

static void signals(void) {
  begin("a signal reaches the process's group, and with a terminal the one in its foreground");
  struct entry *entry = open_entry(tree, ENTRY_UNSHARE);
  char *argv[] = {(char *)(uintptr_t) "/bin/sh", (char *)(uintptr_t) "-c",
                  (char *)(uintptr_t) "trap 'exit 9' USR1; echo ready; while :; do sleep 0.02; done", NULL};
  uint32_t flags[] = {0, EXEC_PTY};
  for (int i = 0; i < 2; i++) {
    struct exec_spec spec = spec_of(argv, flags[i]);
    struct process process;
    struct process_status status = {0};
    struct err err;
    if (!CHECK(entry_spawn(entry, &spec, &process, &err) == 0, "%s", err.message)) continue;
    struct pollfd wait = {.fd = process.stdout_fd, .events = POLLIN};
    CHECK(poll(&wait, 1, 5000) == 1, "it said nothing");
    CHECK(entry_signal(entry, &process, 0, &err) < 0 && err.code == FAILURE_BAD_REQUEST, "signal 0 was taken");
    CHECK(entry_signal(entry, &process, SIGUSR1, &err) == 0, "%s", err.message);
    CHECK(read_status(&process, &status) && status.kind == EXIT_EXITED && status.value == 9, "kind %u value %u",
          status.kind, status.value);
    if (flags[i] & EXEC_PTY) CHECK(entry_resize(entry, &process, 50, 132, &err) == 0 || err.errno_ != 0, "no errno");
    close_process(entry, &process);
  }
  char *job[] = {(char *)(uintptr_t) "/bin/sh", (char *)(uintptr_t) "-c",
                 (char *)(uintptr_t) "set -m; echo ready; sleep 400; echo $?", NULL};
  struct exec_spec spec = spec_of(job, EXEC_PTY);
  struct process process;
  struct process_status status = {0};
  struct err err;
  if (CHECK(entry_spawn(entry, &spec, &process, &err) == 0, "%s", err.message)) {
    // Once the shell has handed the terminal to its job, the job gets the signal and the shell goes on.
    for (int tries = 0; tries < 200 && host_pid_of("sleep 400", tree, 0) == 0; tries++)
      nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    CHECK(entry_signal(entry, &process, SIGTERM, &err) == 0, "%s", err.message);
    CHECK(read_status(&process, &status) && status.kind == EXIT_EXITED && status.value == 0, "kind %u value %u",
          status.kind, status.value);
    char text[256] = "";
    size_t length = 0;
    for (ssize_t got = 1; got > 0 && length<sizeof text - 1; length += got> 0 ? (size_t)got : 0)
      got = read(process.stdout_fd, text + length, sizeof text - 1 - length);
    CHECK(strstr(text, "143") != NULL, "the shell said %s", text);
    close_process(entry, &process);
  }
  entry_close(entry);
}

static void lost_runner(void) {
  begin("a tree that kills the process's keeper ends its own process, and the entry goes on");
  struct entry *entry = open_entry(tree, ENTRY_UNSHARE);
  char *argv[] = {(char *)(uintptr_t) "/bin/sh", (char *)(uintptr_t) "-c",
                  (char *)(uintptr_t) "sleep 0.2; kill -9 $PPID; sleep 600", NULL};
  struct exec_spec spec = spec_of(argv, 0);
  struct process process;
  struct err err;
  char byte;
  if (CHECK(entry_spawn(entry, &spec, &process, &err) == 0, "%s", err.message)) {
    struct pollfd wait = {.fd = process.status_fd, .events = POLLIN};
    CHECK(poll(&wait, 1, 5000) == 1 && read(process.status_fd, &byte, 1) == 0, "no end of file");
    close_process(entry, &process);
  }
  struct result result = run_shell(entry, NULL, "echo on");
  CHECK_TEXT(result.out, "on\n");
  forget(&result);
  begin("a tree that stops the process's keeper cannot outlive the run");
  struct entry *stopping = open_entry(tree, ENTRY_UNSHARE);
  char *stop[] = {(char *)(uintptr_t)"/bin/sh", (char *)(uintptr_t)"-c",
                  (char *)(uintptr_t)"sleep 0.2; kill -STOP $PPID; echo; exec sleep 755", NULL};
  struct exec_spec stop_spec = spec_of(stop, 0);
  if (CHECK(entry_spawn(stopping, &stop_spec, &process, &err) == 0, "%s", err.message)) {
    struct pollfd wait = {.fd = process.stdout_fd, .events = POLLIN};
    CHECK(poll(&wait, 1, 5000) == 1, "it said nothing");
    entry_kill(stopping, &process, false);
    close_process(stopping, &process);
  }
  entry_close(stopping);
  CHECK(ends_within(process.pid, 100), "it outlived its entry");
  begin("an entry whose agent was killed is made anew for the next process");
  pid_t agent = host_pid_of("crun-agent --agent 3", tree, getpid());
  CHECK(agent > 0 && kill(agent, SIGKILL) == 0 && ends_within(agent, 15000), "no agent to kill");
  result = run_shell(entry, NULL, "echo anew");
  CHECK_TEXT(result.out, "anew\n");
  forget(&result);
  entry_close(entry);
}

// Roles: a worker that enters a tree, starts a daemon and a process, says so, and waits to be killed.
static int hold(int kind, const char *path) {
  struct entry *entry = open_entry(path, (uint8_t)kind);
  char *daemon[] = {(char *)(uintptr_t) "/bin/payload", (char *)(uintptr_t) "payload", (char *)(uintptr_t) "daemon",
                    NULL};
  char *sleeper[] = {(char *)(uintptr_t) "/bin/sleep", (char *)(uintptr_t) "611", NULL};
  struct exec_file file = {.name = "f", .mode = 0644};
  struct exec_spec first = spec_of(daemon, 0), second = spec_of(sleeper, 0);
  second.files = &file;
  second.file_count = 1;
  struct process process, other;
  struct err err;
  struct process_status status;
  if (entry_spawn(entry, &first, &process, &err) < 0 || !read_status(&process, &status) ||
      entry_spawn(entry, &second, &other, &err) < 0) {
    fprintf(stderr, "hold: %s %s\n", err.step, err.message);
    return 1;
  }
  printf("%d\n", other.pid);
  fflush(stdout);
  pause();
  return 0;
}

int life_role(const char *role, int count, char **arguments) {
  if (strcmp(role, "hold") == 0 && count == 4) return hold(atoi(arguments[2]), arguments[3]);
  return 2;
}

pid_t start_role(const char *role, const char *first, const char *second, FILE **says) {
  int ends[2];
  if (pipe(ends) < 0) exit(2);
  pid_t pid = fork();
  if (pid == 0) {
    dup2(ends[1], 1);
    close(ends[0]);
    close(ends[1]);
    execl("/proc/self/exe", "entry-test", role, first, second, (char *)NULL);
    _exit(127);
  }
  close(ends[1]);
  *says = fdopen(ends[0], "r");
  return pid;
}

char *all_of(FILE *says, pid_t pid) {
  char *text = calloc(1, 65536);
  size_t got = fread(text, 1, 65535, says);
  text[got] = '\0';
  fclose(says);
  waitpid(pid, NULL, 0);
  return text;
}

void check_killed_worker(uint8_t kind, const char *path, bool has_daemon) {
  char number[4];
  FILE *says = NULL;
  snprintf(number, sizeof number, "%u", kind);
  pid_t worker = start_role("hold", number, path, &says);
  int sleeper = 0;
  CHECK(fscanf(says, "%d", &sleeper) == 1 && is_alive(sleeper), "kind %u: nothing was started", kind);
  pid_t daemon = host_pid_of("/bin/payload payload daemon", path, 0),
        agent = host_pid_of("crun-agent --agent 3", path, worker);
  if (kind != ENTRY_NSPAWN) CHECK(agent > 0, "no agent");
  CHECK(daemon > 0, "no daemon");
  kill(worker, SIGKILL);
  waitpid(worker, NULL, 0);
  CHECK(ends_within(sleeper, 15000), "kind %u: the process outlived a killed worker", kind);
  if (has_daemon) CHECK(ends_within(daemon, 15000), "kind %u: the daemon outlived a killed worker", kind);
  CHECK(agent == 0 || ends_within(agent, 20000), "kind %u: the agent outlived a killed worker", kind);
  fclose(says);
}

void test_life(void) {
  tree = make_tree("life");
  daemons_end_with_the_run();
  leftovers();
  signals();
  lost_runner();
  begin("a worker killed at any moment leaves no process, no mount, no file");
  char *before = snapshot_of(tree);
  check_killed_worker(ENTRY_UNSHARE, tree, true);
  check_killed_worker(ENTRY_CHROOT, tree, true);
  char *after = snapshot_of(tree);
  CHECK_TEXT(after, before);
  free(before), free(after);
}
