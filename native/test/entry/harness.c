// Makes trees and runs processes in them, for the tests of the entry.
#include "harness.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char scratch[64];
static const char *current = "";
static int passed, failed, skipped;

void begin(const char *name) {
  current = name;
}

bool check(bool condition, const char *file, int line, const char *format, ...) {
  if (condition) return passed++, true;
  failed++;
  va_list arguments;
  va_start(arguments, format);
  fprintf(stderr, "not ok: %s (%s:%d): ", current, file, line);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
  return false;
}

void skip(const char *reason) {
  const char *ci = getenv("CI");
  if (ci != NULL && strcmp(ci, "true") == 0) {
    check(false, __FILE__, __LINE__, "must not be skipped in CI: %s", reason);
    return;
  }
  skipped++;
  fprintf(stderr, "skipped: %s: %s\n", current, reason);
}

int finish_tests(void) {
  if (scratch[0] != '\0') remove_all(scratch);
  printf("entry: %d checks passed, %d failed, %d tests skipped\n", passed, failed, skipped);
  return failed == 0 ? 0 : 1;
}

const char *make_directory(const char *name) {
  if (scratch[0] == '\0') {
    snprintf(scratch, sizeof scratch, "/tmp/crun-entry-test.XXXXXX");
    if (mkdtemp(scratch) == NULL || chmod(scratch, 0755) < 0) perror("mkdtemp"), exit(2);
  }
  char *path = NULL;
  if (asprintf(&path, "%s/%s", scratch, name) < 0 || mkdir(path, 0755) < 0) perror("mkdir"), exit(2);
  return path;
}

void write_file(const char *directory, const char *path, const char *content) {
  char *whole = NULL;
  if (asprintf(&whole, "%s%s", directory, path) < 0) exit(2);
  FILE *file = fopen(whole, "w");
  if (file == NULL || fputs(content, file) < 0 || fclose(file) != 0) perror(whole), exit(2);
  free(whole);
}

void run_tool(const char *script, const char *argument) {
  pid_t child = fork();
  if (child == 0) {
    execl("/bin/sh", "sh", "-c", script, "sh", argument, (char *)NULL);
    _exit(127);
  }
  int status = 0;
  if (waitpid(child, &status, 0) < 0 || status != 0) fprintf(stderr, "tool failed (%d): %s\n", status, script), exit(2);
}

void copy_self(const char *directory, const char *path) {
  char *whole = NULL;
  if (asprintf(&whole, "%s%s", directory, path) < 0) exit(2);
  int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC),
      to = open(whole, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
  char block[65536];
  ssize_t got = 0;
  while ((got = read(from, block, sizeof block)) > 0) {
    if (write(to, block, (size_t)got) != got) exit(2);
  }
  if (got < 0 || to < 0 || fchmod(to, 0755) < 0) perror(whole), exit(2);
  close(from);
  close(to);
  free(whole);
}

const char *make_tree(const char *name) {
  const char *tree = make_directory(name);
  run_tool(
      "cd \"$1\" && mkdir -p bin etc proc sys dev run tmp root home/user && cp \"$(command -v busybox)\" bin/busybox "
      "&& "
      "for n in sh cat echo ls id env pwd sleep kill mount umount mkdir rm ln mknod chmod chown readlink hostname stat "
      "dd "
      "true false ps setsid touch head sed grep tty stty od wc nohup sync tr sha256sum; do ln -s busybox bin/$n; done",
      tree);
  copy_self(tree, "/bin/payload");
  write_file(tree, "/etc/passwd",
             "root:x:0:0:root:/root:/bin/sh\n"
             "user:x:1000:1000::/home/user:/bin/sh\n"
             "homeless:x:1001:1001::/nowhere:/bin/ash\n"
             "broken:x:zero:0::/:/bin/sh\n"
             "short:x:0:0\n"
             "1000000:x:0:0::/:/bin/sh\n"
             "many:x:1002:1002::/:/bin/sh\n");
  FILE *group = NULL;
  char *path = NULL;
  if (asprintf(&path, "%s/etc/group", tree) < 0 || (group = fopen(path, "w")) == NULL) exit(2);
  fputs("root:x:0:\nuser:x:1000:\nstaff:x:50:user,other\naudio:x:29:other,user\nwheel:x:10:other\n", group);
  for (int i = 0; i < 40; i++) fprintf(group, "g%d:x:%d:many\n", i, 2000 + i);
  fclose(group);
  free(path);
  write_file(tree, "/etc/hostname", "# a comment\nthe-tree\n");
  write_file(tree, "/etc/resolv.conf", "nameserver 192.0.2.1\n");
  run_tool("chown 1000:1000 \"$1/home/user\"", tree);
  return tree;
}

void remove_all(const char *path) {
  run_tool("rm -rf --one-file-system \"$1\"", path);
}

char *snapshot_of(const char *path) {
  char *command = NULL;
  if (asprintf(&command,
               "cd '%s' && find . -printf '%%p %%y %%m %%U:%%G %%s %%T@ %%l\\n' | sort; find . -type f -exec sha256sum "
               "{} + | sort",
               path) < 0)
    exit(2);
  FILE *pipe = popen(command, "r");
  char *text = NULL;
  size_t length = 0;
  FILE *memory = open_memstream(&text, &length);
  for (int byte = getc(pipe); byte != EOF; byte = getc(pipe)) putc(byte, memory);
  pclose(pipe);
  fclose(memory);
  free(command);
  return text;
}

struct entry *open_entry(const char *tree, uint8_t kind) {
  struct entry *entry = NULL;
  struct err err;
  struct entry_config config = {.root_fd = open(tree, O_PATH | O_DIRECTORY | O_CLOEXEC),
                                .root_path = tree,
                                .tree_name = strrchr(tree, '/') + 1,
                                .kind = kind};
  config.is_host_root = strcmp(tree, "/") == 0;
  if (config.root_fd < 0 || entry_open(&entry, &config, &err) < 0) perror(tree), exit(2);
  return entry;
}

static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void take(int *fd, char *into, size_t *length) {
  ssize_t got = read(*fd, into + *length, OUTPUT_MAX - 1 - *length);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got > 0) *length += (size_t)got;
  else close(*fd), *fd = -1;
}

static void carry(struct entry *entry, const struct run *run, struct process *process, struct result *result) {
  size_t given = 0, err_length = 0;
  bool has_pty = run->flags & EXEC_PTY, has_status = false, is_killed = false;
  int64_t started = now_ms();
  while (process->stdout_fd >= 0 || process->stderr_fd >= 0 || !has_status) {
    bool must_give = process->stdin_fd >= 0 && (given < run->input_length || !has_pty);
    struct pollfd wait[4] = {{.fd = must_give ? process->stdin_fd : -1, .events = POLLOUT},
                             {.fd = process->stdout_fd, .events = POLLIN},
                             {.fd = process->stderr_fd, .events = POLLIN},
                             {.fd = has_status ? -1 : process->status_fd, .events = POLLIN}};
    int64_t left = run->kill_after_ms > 0 && !is_killed ? started + run->kill_after_ms - now_ms() : 20000;
    int ready = poll(wait, 4, left < 0 ? 0 : (int)left);
    if (ready == 0 && run->kill_after_ms > 0 && !is_killed) {
      entry_kill(entry, process, false);
      is_killed = true;
      continue;
    }
    if (!check(ready > 0, __FILE__, __LINE__, "the process neither ended nor said anything for 20 s")) break;
    if (wait[1].revents) take(&process->stdout_fd, result->out, &result->out_length);
    if (wait[2].revents) take(&process->stderr_fd, result->err_text, &err_length);
    if (wait[3].revents) {
      ssize_t got = read(process->status_fd, &result->status, sizeof result->status);
      check(got == (ssize_t)sizeof result->status, __FILE__, __LINE__, "no status, but %zd bytes", got);
      has_status = true;
      if (run->flags & EXEC_KILL_LEFTOVERS) entry_kill(entry, process, true);
      // What a process left behind may keep its streams: they are read to what there is, not to their end.
      while (process->stdout_fd >= 0 && poll(&wait[1], 1, 50) > 0)
        take(&process->stdout_fd, result->out, &result->out_length);
      while (process->stderr_fd >= 0 && poll(&wait[2], 1, 50) > 0)
        take(&process->stderr_fd, result->err_text, &err_length);
      break;
    }
    if (wait[0].revents) {
      ssize_t written = given < run->input_length
                            ? write(process->stdin_fd, (const char *)run->input + given, run->input_length - given)
                            : 0;
      if (written > 0) given += (size_t)written;
      if (!has_pty && (given == run->input_length || (written < 0 && errno == EPIPE)))
        close(process->stdin_fd), process->stdin_fd = -1;
    }
  }
  result->out[result->out_length] = '\0';
  result->err_text[err_length] = '\0';
}

static struct result run_list(struct entry *entry, const struct run *run, char **argv) {
  static const char *const plain[] = {"PATH=/bin", NULL};
  static const struct run nothing = {0};
  if (run == NULL) run = &nothing;
  struct exec_spec spec = {
      .argv = argv,
      .environment = (char **)(uintptr_t)(run->environment == NULL ? plain : run->environment),
      .directory = run->directory == NULL ? "" : run->directory,
      .user = run->user == NULL ? "" : run->user,
      .flags = run->flags,
      .stdin_kind = run->input != NULL ? STDIN_STREAM : run->stdin_kind,
      .output_limit = OUTPUT_MAX,
      .umask = 022,
      .entry = run->entry == 0 ? ENTRY_TREES : run->entry,
      .files = run->files,
      .file_count = run->file_count,
  };
  struct result result = {.out = calloc(1, OUTPUT_MAX), .err_text = calloc(1, OUTPUT_MAX)};
  struct process process;
  if (result.out == NULL || result.err_text == NULL) exit(2);
  if (entry_spawn(entry, &spec, &process, &result.err) < 0) return result;
  result.is_started = true;
  result.pid = process.pid;
  carry(entry, run, &process, &result);
  entry_reap(entry, &process);
  int fds[] = {process.stdin_fd, process.stdout_fd == process.stdin_fd ? -1 : process.stdout_fd, process.stderr_fd,
               process.status_fd};
  for (size_t i = 0; i < 4; i++) {
    if (fds[i] >= 0) close(fds[i]);
  }
  return result;
}

struct result run_program(struct entry *entry, const struct run *run, ...) {
  char *argv[32] = {NULL};
  va_list arguments;
  va_start(arguments, run);
  for (size_t i = 0; i < 31 && (argv[i] = va_arg(arguments, char *)) != NULL; i++) {
  }
  va_end(arguments);
  return run_list(entry, run, argv);
}

struct result run_shell(struct entry *entry, const struct run *run, const char *script) {
  char *argv[] = {(char *)(uintptr_t) "/bin/sh", (char *)(uintptr_t) "-c", (char *)(uintptr_t)script, NULL};
  return run_list(entry, run, argv);
}

void forget(struct result *result) {
  free(result->out);
  free(result->err_text);
  result->out = result->err_text = NULL;
}

const char *line_of(const char *text, const char *label) {
  static char line[4096];
  size_t length = strlen(label);
  for (const char *at = text; at != NULL && *at != '\0'; at = strchr(at, '\n') == NULL ? NULL : strchr(at, '\n') + 1) {
    if (strncmp(at, label, length) != 0) continue;
    snprintf(line, sizeof line, "%.*s", (int)strcspn(at + length, "\n"), at + length);
    return line;
  }
  return NULL;
}
