// Binds resolv.conf, and sets the hostname.
#include "resolv.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "kernel.h"
#include "mounts.h"
#include "passwd.h"
#include "print.h"

#define RESOLV_SIZE_MAX (64u * 1024u)

static int fail(struct err *err, const char *step, const char *path) {
  return err_fail_errno(err, FAILURE_ENTRY, errno, step, path, "the tree could not be entered: %s %s", step, path);
}

static int write_copy(int directory, const char *name, const char *content, size_t length, struct err *err) {
  auto_close int fd = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (fd < 0) return fail(err, "create", name);
  if (fchmod(fd, 0644) < 0) return fail(err, "chmod", name);
  if (write(fd, content, length) != (ssize_t)length) return fail(err, "write", name);
  return 0;
}

// Turns a link's target into a path without `.` and `..`, as seen from /etc; false if it does not fit.
static bool normalize(const char *target, char *out, size_t capacity) {
  char joined[PATH_MAX + 8];
  size_t used = 0;
  int length = print_text(joined, sizeof joined, "%s%s", target[0] == '/' ? "" : "/etc/", target);
  if (length < 0 || (size_t)length >= sizeof joined) return false;
  char *rest = NULL;
  for (char *part = strtok_r(joined, "/", &rest); part != NULL; part = strtok_r(NULL, "/", &rest)) {
    if (strcmp(part, ".") == 0) continue;
    if (strcmp(part, "..") == 0) {
      while (used > 0 && out[--used] != '/') {
      }
      continue;
    }
    size_t part_length = strlen(part);
    if (used + part_length + 2 > capacity) return false;
    out[used++] = '/';
    memcpy(out + used, part, part_length);
    used += part_length;
  }
  out[used] = '\0';
  return true;
}

// The copy at a path in the private /run, which is empty but for crun's own directories.
static int put_in_run(int run, char *path, const char *content, size_t length, struct err *err) {
  auto_close int directory = dup(run);
  if (directory < 0) return fail(err, "dup", "/run");
  char *rest = NULL;
  char *part = strtok_r(path, "/", &rest);
  for (char *next = strtok_r(NULL, "/", &rest); part != NULL && next != NULL;
       part = next, next = strtok_r(NULL, "/", &rest)) {
    if (mkdirat(directory, part, 0755) < 0 && errno != EEXIST) return fail(err, "mkdir", part);
    int below = openat(directory, part, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (below < 0) return fail(err, "open", part);
    close(directory);
    directory = below;
  }
  return part == NULL ? 0 : write_copy(directory, part, content, length, err);
}

static int bind_copy(int run, const struct target *at, const char *content, size_t length, struct err *err) {
  if (write_copy(run, "crun/resolv.conf", content, length, err) < 0) return -1;
  auto_close int copy = openat(run, "crun/resolv.conf", O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (copy < 0) return fail(err, "open", "/run/crun/resolv.conf");
  auto_close int mounted = mount_bind(
      copy, at, false, KERNEL_ATTR_RDONLY | KERNEL_ATTR_NOSUID | KERNEL_ATTR_NODEV | KERNEL_ATTR_NOEXEC, err);
  return mounted < 0 ? -1 : 0;
}

// The file of the tree that a link leads to, beneath the tree's root; -1 if there is none.
static int open_linked(int root) {
  uint64_t resolve = KERNEL_RESOLVE_IN_ROOT | KERNEL_RESOLVE_NO_MAGICLINKS | KERNEL_RESOLVE_NO_XDEV;
  auto_close int fd = kernel_open_beneath(root, "etc/resolv.conf", O_PATH, resolve);
  struct stat status;
  if (fd < 0 || fstat(fd, &status) < 0 || !S_ISREG(status.st_mode)) return -1;
  return steal_fd(&fd);
}

int mount_resolv(int root, int run, struct err *err) {
  if (run < 0) return 0;
  auto_close int outer = open("/etc/resolv.conf", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  char content[RESOLV_SIZE_MAX];
  ssize_t length = outer < 0 ? -1 : read(outer, content, sizeof content);
  if (length < 0) return 0; // the host has none to show
  auto_close int etc = openat(root, "etc", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  struct stat status;
  if (etc < 0 || fstatat(etc, "resolv.conf", &status, AT_SYMLINK_NOFOLLOW) < 0) return 0;
  auto_target struct target at = {.parent = etc, .name = "resolv.conf", .fd = -1};
  if (S_ISREG(status.st_mode)) {
    if (target_open(&at, etc, "resolv.conf", TARGET_FILE, err) <= 0) return -1;
    return bind_copy(run, &at, content, (size_t)length, err);
  }
  char target[PATH_MAX], path[PATH_MAX];
  ssize_t target_length = readlinkat(etc, "resolv.conf", target, sizeof target - 1);
  if (target_length < 0) return 0;
  target[target_length] = '\0';
  if (!normalize(target, path, sizeof path)) return 0;
  if (strncmp(path, "/var/run/", 9) == 0) memmove(path, path + 4, strlen(path + 4) + 1);
  // Not into crun's own directory, whose files are the processes' own.
  if (strncmp(path, "/run/", 5) == 0 && strncmp(path, "/run/crun/", 10) != 0 && strncmp(path, "/run/lock/", 10) != 0)
    return put_in_run(run, path + 5, content, (size_t)length, err);
  at.linked = "etc/resolv.conf";
  at.root = root;
  at.fd = open_linked(root);
  return at.fd < 0 ? 0 : bind_copy(run, &at, content, (size_t)length, err);
}

int set_hostname(const char *fallback, struct err *err) {
  struct err ignored; // what the tree says is no reason to fail
  char name[65] = "";
  size_t length = 0, used = 0;
  auto_close int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  auto_free char *content = root < 0 ? NULL : read_beneath(root, "/etc/hostname", 4096, &length, &ignored);
  const char *start = content == NULL ? "" : content;
  while (*start == '#' || isspace((unsigned char)*start)) {
    if (*start != '#') start++;
    else start += strcspn(start, "\n");
  }
  const char *const sources[] = {start, fallback, "tree"};
  for (size_t i = 0; used == 0 && i < sizeof sources / sizeof *sources; i++) {
    for (const char *next = sources[i]; *next != '\0' && !isspace((unsigned char)*next) && used < sizeof name - 1;
         next++) {
      if (isalnum((unsigned char)*next) || *next == '-' || *next == '.') name[used++] = *next;
    }
  }
  return sethostname(name, used) < 0 ? fail(err, "sethostname", name) : 0;
}
