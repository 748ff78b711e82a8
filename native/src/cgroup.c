// Reads and joins control groups, of both versions.
#include "cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "print.h"
#include "words.h"

struct membership {
  char controllers[256]; // empty: cgroup2
  char path[PATH_MAX];
};

static FILE *open_text(int directory, const char *name) {
  auto_close int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
  FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
  if (file != NULL) steal_fd(&fd);
  return file;
}

// A line `ID:controllers:path`; the path is the rest, and may hold colons.
static bool next_membership(FILE *file, struct membership *out) {
  char line[PATH_MAX + 300];
  while (fgets(line, sizeof line, file) != NULL) {
    line[strcspn(line, "\n")] = '\0';
    char *controllers = strchr(line, ':');
    char *path = controllers == NULL ? NULL : strchr(controllers + 1, ':');
    if (path == NULL) continue;
    *path++ = '\0';
    controllers++;
    if (strlen(controllers) >= sizeof out->controllers || strlen(path) >= sizeof out->path) continue;
    strcpy(out->controllers, controllers);
    strcpy(out->path, path);
    return true;
  }
  return false;
}

void cgroup_of_process(int process, char *out, size_t capacity) {
  struct membership member;
  out[0] = '\0';
  FILE *file = open_text(process, "cgroup");
  while (file != NULL && next_membership(file, &member)) {
    bool is_unified = member.controllers[0] == '\0' && strcmp(member.path, "/") != 0;
    bool is_named = strcmp(member.controllers, "name=systemd") == 0 && out[0] == '\0';
    if (is_unified || is_named) print_text(out, capacity, "%s", member.path);
    if (is_unified) break;
  }
  if (file != NULL) fclose(file);
}

static bool has_word(const char *list, const char *word) {
  size_t length = strlen(word);
  for (const char *at = strstr(list, word); at != NULL; at = strstr(at + 1, word)) {
    bool starts = at == list || at[-1] == ',';
    bool ends = at[length] == '\0' || at[length] == ',' || at[length] == '\n';
    if (starts && ends) return true;
  }
  return false;
}

// Where the hierarchy of a membership is mounted, and which part of it.
static bool find_mount(const struct membership *member, char *mount_point, char *mount_root) {
  FILE *file = fopen("/proc/self/mountinfo", "re");
  char *line = NULL, word[256];
  size_t capacity = 0;
  bool is_found = false;
  print_text(word, sizeof word, "%.*s", (int)strcspn(member->controllers, ","), member->controllers);
  while (file != NULL && !is_found && getline(&line, &capacity, file) > 0) {
    char *separator = strstr(line, " - "), *mount[5], *source[3];
    if (separator == NULL || split_words(separator + 3, source, 3) < 3) continue;
    *separator = '\0';
    if (split_words(line, mount, 5) < 5) continue;
    const char *type = source[0], *options = source[2];
    print_text(mount_root, PATH_MAX, "%s", mount[3]);
    print_text(mount_point, PATH_MAX, "%s", mount[4]);
    is_found = word[0] == '\0' ? strcmp(type, "cgroup2") == 0 : strcmp(type, "cgroup") == 0 && has_word(options, word);
  }
  free(line);
  if (file != NULL) fclose(file);
  return is_found;
}

static int join(const struct membership *member, struct err *err) {
  char mount_point[PATH_MAX], mount_root[PATH_MAX], path[3 * PATH_MAX];
  bool is_mounted = find_mount(member, mount_point, mount_root);
  // systemd-nspawn gives an older payload a hierarchy with a name and without controllers: it limits nothing.
  if (!is_mounted && strncmp(member->controllers, "name=", 5) == 0) return 0;
  if (!is_mounted)
    return err_fail(err, FAILURE_ENTRY, "join a cgroup", member->path,
                    "the cgroup hierarchy of the machine (%.60s) is not mounted here", member->controllers);
  size_t shared = strcmp(mount_root, "/") == 0 ? 0 : strlen(mount_root);
  const char *rest = strncmp(member->path, mount_root, shared) == 0 ? member->path + shared : member->path;
  print_text(path, sizeof path, "%s%s/cgroup.procs", mount_point, rest);
  auto_close int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd >= 0 && write(fd, "0", 1) == 1) return 0;
  return err_fail_errno(err, FAILURE_ENTRY, errno, "join a cgroup", path,
                        "the machine's cgroup cannot be joined, so its limits would not hold");
}

int cgroup_join_of_process(int process, struct err *err) {
  struct membership theirs, own;
  FILE *file = open_text(process, "cgroup");
  if (file == NULL) return errno == ENOENT ? 0 : err_system(err, errno, "read the machine's cgroups", "");
  int status = 0;
  while (status == 0 && next_membership(file, &theirs)) {
    bool is_same = false;
    FILE *own_file = fopen("/proc/self/cgroup", "re");
    while (own_file != NULL && !is_same && next_membership(own_file, &own))
      is_same = strcmp(own.controllers, theirs.controllers) == 0 && strcmp(own.path, theirs.path) == 0;
    if (own_file != NULL) fclose(own_file);
    if (!is_same) status = join(&theirs, err);
  }
  fclose(file);
  return status;
}

int cgroup_write(const char *path, const void *value, size_t length, struct err *err) {
  auto_close int fd = open(path, O_WRONLY | O_CLOEXEC);
  return fd >= 0 && write(fd, value, length) == (ssize_t)length ? 0 : err_system(err, errno, "limit", path);
}

int cgroup_place(const char *directory, pid_t pid, struct err *err) {
  char path[PATH_MAX], number[16];
  int length = print_text(number, sizeof number, "%d", pid);
  print_text(path, sizeof path, "%s/cgroup.procs", directory);
  return cgroup_write(path, number, (size_t)length, err);
}

// Where a cgroup of ours may be made: with v1 below our own, with v2 beside it, if processes' numbers are counted there.
static bool find_base(char *base, size_t capacity) {
  struct membership own;
  char mount_point[PATH_MAX], mount_root[PATH_MAX], path[PATH_MAX + 32], controllers[256];
  bool is_found = false, is_unified = false;
  FILE *file = fopen("/proc/self/cgroup", "re");
  while (file != NULL && !is_found && next_membership(file, &own)) {
    is_unified = own.controllers[0] == '\0';
    if ((!is_unified && !has_word(own.controllers, "pids")) || !find_mount(&own, mount_point, mount_root)) continue;
    if (is_unified) *strrchr(own.path, '/') = '\0';
    size_t shared = strcmp(mount_root, "/") == 0 ? 0 : strlen(mount_root);
    const char *rest = strncmp(own.path, mount_root, shared) == 0 ? own.path + shared : "";
    is_found = print_text(base, capacity, "%s%s", mount_point, rest) < (int)capacity;
    if (!is_unified) continue;
    print_text(path, sizeof path, "%s/cgroup.subtree_control", base);
    auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, controllers, sizeof controllers - 1);
    controllers[got < 0 ? 0 : got] = '\0';
    is_found &= strstr(controllers, "pids") != NULL;
  }
  if (file != NULL) fclose(file);
  return is_found;
}

// The helper's number, as in the names of the controller's (src/facts/cgroup-process.ts), none of which goes so far.
#define NAME "crun-%d-%u"
#define FIRST_NUMBER 1000000000u

// Those of helpers that were killed.
static void remove_forgotten(const char *base) {
  auto_closedir DIR *entries = opendir(base);
  for (struct dirent *entry = entries == NULL ? NULL : readdir(entries); entry != NULL; entry = readdir(entries)) {
    if (strncmp(entry->d_name, "crun-", 5) != 0) continue;
    char *rest = NULL;
    long pid = strtol(entry->d_name + 5, &rest, 10);
    if (pid > 1 && *rest == '-' && strtoul(rest + 1, NULL, 10) >= FIRST_NUMBER && kill((pid_t)pid, 0) < 0 && errno == ESRCH) unlinkat(dirfd(entries), entry->d_name, AT_REMOVEDIR);
  }
}

bool cgroup_limit_tasks(pid_t pid, uint32_t tasks, char *out, size_t capacity) {
  char base[PATH_MAX], path[PATH_MAX + 64], number[16];
  struct err ignored;
  if (access("/run/systemd/system", F_OK) == 0 || !find_base(base, sizeof base)) return false;
  remove_forgotten(base);
  int length = print_text(out, capacity, "%s/" NAME, base, getppid(), FIRST_NUMBER + (unsigned)pid);
  if (length < 0 || (size_t)length >= capacity || mkdir(out, 0755) < 0) return false;
  length = print_text(number, sizeof number, "%u", tasks);
  print_text(path, sizeof path, "%s/pids.max", out);
  if (cgroup_write(path, number, (size_t)length, &ignored) == 0 && cgroup_place(out, pid, &ignored) == 0) return true;
  rmdir(out);
  return false;
}
