// Makes a user namespace for the trees of a login that is not root.
#include "user_namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "passwd.h"
#include "print.h"
#include "words.h"

// Of newuidmap's words: id, id, count for each range.
#define RANGES_MAX 32
#define WORDS_MAX (2 + 3 * (RANGES_MAX + 1) + 1)

struct range {
  unsigned long start, count;
};

struct ranges {
  size_t count;
  struct range list[RANGES_MAX];
};

static bool is_free(const struct ranges *ranges, const struct range *range, unsigned long own) {
  if (own >= range->start && own - range->start < range->count) return false;
  for (size_t i = 0; i < ranges->count; i++) {
    const struct range *other = &ranges->list[i];
    if (range->start < other->start + other->count && other->start < range->start + range->count) return false;
  }
  return true;
}

// All of a login's lines in a subuid or subgid file, by its name or its number. What would be mapped twice is left out: the
// kernel takes no map that overlaps.
static void find_ranges(const char *path, const char *name, unsigned long id, unsigned long own, struct ranges *out) {
  FILE *file = fopen(path, "re");
  char *line = NULL;
  size_t capacity = 0;
  out->count = 0;
  while (file != NULL && out->count < RANGES_MAX && getline(&line, &capacity, file) > 0) {
    char *start = strchr(line, ':');
    char *count = start == NULL ? NULL : strchr(start + 1, ':');
    if (count == NULL) continue;
    *start++ = *count++ = '\0';
    char *end = NULL;
    bool is_own = (name[0] != '\0' && strcmp(line, name) == 0) ||
                  (line[0] != '\0' && strtoul(line, &end, 10) == id && *end == '\0');
    struct range range = {.start = strtoul(start, NULL, 10), .count = strtoul(count, NULL, 10)};
    if (!is_own || range.start == 0 || range.count == 0 || range.start >= UINT32_MAX ||
        range.count >= UINT32_MAX - range.start || !is_free(out, &range, own))
      continue;
    out->list[out->count++] = range;
  }
  free(line);
  if (file != NULL) fclose(file);
}

// newuidmap or newgidmap for a process: root is us, the rest are the subordinate ids. Its last words into `said`.
static bool run_mapper(char *program, pid_t pid, unsigned long own, const struct ranges *ranges, char *said,
                       size_t capacity) {
  char numbers[WORDS_MAX][12], *arguments[WORDS_MAX + 1] = {program};
  unsigned long inside = 1;
  size_t count = 1;
  int ends[2];
  print_text(numbers[0], sizeof numbers[0], "%d", pid);
  print_text(numbers[1], sizeof numbers[1], "0");
  print_text(numbers[2], sizeof numbers[2], "%lu", own);
  print_text(numbers[3], sizeof numbers[3], "1");
  for (; count <= 4; count++) arguments[count] = numbers[count - 1];
  for (size_t i = 0; i < ranges->count; i++) {
    const unsigned long words[3] = {inside, ranges->list[i].start, ranges->list[i].count};
    for (size_t word = 0; word < 3; word++, count++) {
      print_text(numbers[count - 1], sizeof numbers[0], "%lu", words[word]);
      arguments[count] = numbers[count - 1];
    }
    inside += ranges->list[i].count;
  }
  if (pipe2(ends, O_CLOEXEC) < 0) return false;
  auto_close int heard = ends[0], voice = ends[1];
  pid_t child = fork();
  if (child == 0) {
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (nothing < 0 || dup2(nothing, 0) < 0 || dup2(voice, 1) < 0 || dup2(voice, 2) < 0) _exit(127);
    execvp(program, arguments);
    _exit(127);
  }
  close(steal_fd(&voice));
  size_t used = 0;
  for (ssize_t got = 1; child > 0 && got > 0 && used < capacity - 1; used += got > 0 ? (size_t)got : 0)
    got = read(heard, said + used, capacity - 1 - used);
  said[used] = '\0';
  said[strcspn(said, "\n")] = '\0';
  int status = -1;
  while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 127) print_text(said, capacity, "%s is not there", program);
  return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int write_text(pid_t pid, const char *name, const char *text) {
  char path[48];
  print_text(path, sizeof path, "/proc/%d/%s", pid, name);
  auto_close int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  return write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -1;
}

// The ids of one kind for a process that waits: all that the login has, else its own alone.
static bool map(pid_t pid, bool is_groups, const char *name, char *lack, size_t capacity) {
  const char *file = is_groups ? "/etc/subgid" : "/etc/subuid";
  unsigned long own = is_groups ? getegid() : geteuid();
  struct ranges ranges;
  char said[128] = "", line[32];
  find_ranges(file, name, geteuid(), own, &ranges);
  if (ranges.count > 0) {
    if (run_mapper(is_groups ? "newgidmap" : "newuidmap", pid, own, &ranges, said, sizeof said)) return true;
    if (lack[0] == '\0') print_text(lack, capacity, "%s", said);
  } else if (lack[0] == '\0') {
    print_text(lack, capacity, "%s has no line for %s%s%u", file, name, name[0] == '\0' ? "" : " or ", geteuid());
  }
  if (is_groups && write_text(pid, "setgroups", "deny") < 0 && errno != ENOENT) return false;
  print_text(line, sizeof line, "0 %lu 1\n", own);
  return write_text(pid, is_groups ? "gid_map" : "uid_map", line) == 0;
}

struct word {
  int failed;  // errno
  struct reach reach;
};

// The process that the namespace is made around: it lasts until the namespace was opened.
_Noreturn static void hold(int go, int answer) {
  struct word word = {0};
  char byte;
  if (unshare(CLONE_NEWUSER) < 0) word.failed = errno;
  if (write(answer, &word, sizeof word) != (ssize_t)sizeof word) _exit(1);
  _exit(read(go, &byte, 1) == 1);
}

// Whether what it is for can be done in it: security modules let users make namespaces in which they may do nothing (AppArmor).
_Noreturn static void try_out(int user_namespace, int answer) {
  struct word word = {0};
  struct err err;
  err_clear(&err);
  if (user_namespace_enter(user_namespace, &err) < 0) word.failed = err.errno_;
  else if (unshare(CLONE_NEWNS) < 0) word.failed = errno;
  reach_of_self(&word.reach);
  _exit(write(answer, &word, sizeof word) == (ssize_t)sizeof word ? 0 : 1);
}

static void wait_for(pid_t pid) {
  while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
  }
}

// Steps in the order of their names; *failed is the errno of the one that is returned. NULL: all is well.
static const char *make(int *made, struct word *word, char *lack, size_t capacity) {
  char name[256] = "", path[48];
  int go[2], answer[2];
  if (pipe2(go, O_CLOEXEC) < 0) return "pipe2";
  auto_close int go_read = go[0], go_write = go[1];
  if (pipe2(answer, O_CLOEXEC) < 0) return "pipe2";
  auto_close int answer_read = answer[0], answer_write = answer[1];
  auto_close int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (root >= 0) user_name_of(root, geteuid(), name, sizeof name);
  pid_t holder = fork();
  if (holder < 0) return "fork";
  if (holder == 0) {
    close(go_write);
    hold(go_read, answer_write);
  }
  const char *failed = NULL;
  if (read(answer_read, word, sizeof *word) != (ssize_t)sizeof *word || word->failed != 0) failed = "unshare";
  errno = word->failed;
  if (failed == NULL && (!map(holder, false, name, lack, capacity) || !map(holder, true, name, lack, capacity)))
    failed = "map ids";
  print_text(path, sizeof path, "/proc/%d/ns/user", holder);
  if (failed == NULL && (*made = open(path, O_RDONLY | O_CLOEXEC)) < 0) failed = "open";
  int failed_errno = errno;
  close(steal_fd(&go_write));
  wait_for(holder);
  errno = failed_errno;
  if (failed != NULL) return failed;
  pid_t trier = fork();
  if (trier < 0) return "fork";
  if (trier == 0) try_out(*made, answer_write);
  close(steal_fd(&answer_write));
  if (read(answer_read, word, sizeof *word) != (ssize_t)sizeof *word) word->failed = EPROTO;
  wait_for(trier);
  errno = word->failed;
  return word->failed == 0 ? NULL : "mount";
}

void user_namespace_make(int *out, struct reach *reach) {
  struct word word = {0};
  char lack[sizeof reach->lack] = "";
  auto_close int made = -1;
  const char *failed = make(&made, &word, lack, sizeof lack);
  *out = 0;
  *reach = (struct reach){0};
  if (failed != NULL) {
    print_text(reach->lack, sizeof reach->lack, "the host lets this login make no user namespace of use (%s: %s)", failed,
               strerror(errno));
    return;
  }
  *reach = word.reach;
  memcpy(reach->lack, lack, sizeof lack);
  *out = steal_fd(&made);
}

int user_namespace_enter(int user_namespace, struct err *err) {
  int signal = 0;
  if (prctl(PR_GET_PDEATHSIG, &signal, 0, 0, 0) < 0 || setns(user_namespace, CLONE_NEWUSER) < 0)
    return err_system(err, errno, "enter the user namespace", "");
  if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
    return err_system(err, errno, "become root of the user namespace", "");
  return prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0) < 0 ? err_system(err, errno, "set the death signal", "") : 0;
}

// Ranges of a map come in any order; from 0 on without a gap is what is promised.
static uint32_t read_reach(const char *path) {
  struct { unsigned long inside, count; } lines[RANGES_MAX + 8];
  size_t count = 0;
  char line[128], *words[3]; // inside, outside, how many
  FILE *map = fopen(path, "re");
  if (map == NULL) return UINT32_MAX; // no user namespaces in this kernel
  while (count < sizeof lines / sizeof *lines && fgets(line, sizeof line, map) != NULL && split_words(line, words, 3) == 3) {
    lines[count].inside = strtoul(words[0], NULL, 10);
    lines[count++].count = strtoul(words[2], NULL, 10);
  }
  fclose(map);
  unsigned long reach = 0;
  for (size_t i = 0; i < count; i++) {
    if (lines[i].inside > reach || lines[i].inside + lines[i].count <= reach) continue;
    reach = lines[i].inside + lines[i].count;
    i = (size_t)-1; // what stood before it may go on from here
  }
  return reach > UINT32_MAX ? UINT32_MAX : (uint32_t)reach;
}

void reach_of_self(struct reach *out) {
  *out = (struct reach){.users = read_reach("/proc/self/uid_map"), .groups = read_reach("/proc/self/gid_map")};
}

bool has_all_ids(void) {
  return read_reach("/proc/self/uid_map") == UINT32_MAX;
}
