// Lays the files of an exec and takes them away.
#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cleanup.h"
#include "kernel.h"
#include "mounts.h"
#include "print.h"

#define REMOVE_DEPTH_MAX 32

static int write_all(int fd, const uint8_t *data, size_t length) {
  while (length > 0) {
    ssize_t written = write(fd, data, length);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return -1;
    data += written;
    length -= (size_t)written;
  }
  return 0;
}

static int lay_all(int directory, const struct exec_spec *spec, struct err *err) {
  for (size_t i = 0; i < spec->file_count; i++) {
    const struct exec_file *file = &spec->files[i];
    if (file->name[0] == '\0' || strchr(file->name, '/') != NULL || strcmp(file->name, ".") == 0 ||
        strcmp(file->name, "..") == 0)
      return err_fail(err, FAILURE_BAD_REQUEST, "lay a file", file->name, "a file of an exec needs a plain name");
    auto_close int fd = openat(directory, file->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) return err_system(err, errno, "lay a file", file->name);
    if (write_all(fd, file->content.bytes.data, file->content.bytes.length) < 0)
      return err_system(err, errno, "write", file->name);
    // 0xffff (keep) means nothing for a new file; setuid bits have no use here.
    mode_t mode = file->mode == MODE_KEEP ? 0644 : file->mode & 0777;
    if (fchmod(fd, mode) < 0) return err_system(err, errno, "chmod", file->name);
  }
  return 0;
}

// A scratch directory of the entry: a tmpfs that the entry mounted, not one of the tree's links.
static int open_scratch(const char *path) {
  auto_close int fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  struct statfs status;
  if (fd < 0 || fstatfs(fd, &status) < 0 || (long)status.f_type != KERNEL_TMPFS_MAGIC) return -1;
  if (mkdirat(fd, "crun", 0755) < 0 && errno != EEXIST) return -1;
  return steal_fd(&fd);
}

int files_lay_private(const struct exec_spec *spec, bool may_use_others, char *directory, struct err *err) {
  static const char *const scratch[] = {"/run", "/tmp", "/dev"};
  static const char *const options[] = {"mode", "0755", NULL};
  if (unshare(CLONE_NEWNS) < 0) return err_system(err, errno, "unshare mounts", "");
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) return err_system(err, errno, "make mounts private", "");
  for (size_t i = 0; i < (may_use_others ? 3 : 1); i++) {
    auto_close int parent = open_scratch(scratch[i]);
    if (parent < 0) continue;
    auto_target struct target at = {.fd = -1};
    if (target_open(&at, parent, "crun", TARGET_DIRECTORY, err) <= 0) return -1;
    auto_close int mounted =
        mount_fresh(&at, "tmpfs", KERNEL_TMPFS_MAGIC, options, KERNEL_ATTR_NOSUID | KERNEL_ATTR_NODEV, err);
    if (mounted < 0) return -1;
    print_text(directory, FILES_DIRECTORY_MAX, "%s/crun", scratch[i]);
    return lay_all(mounted, spec, err);
  }
  return err_fail(err, FAILURE_REFUSED, "lay a file", "/run",
                  "the tree has no /run directory to show the files of this command in");
}

// Where nobody else can put anything under our name: /run, which is root's; else a login's own runtime directory, or a sticky
// one, if it can be from which programs may run.
static int open_shared(char *path, size_t capacity, const char *name) {
  static const char *const shared[] = {"/tmp", "/var/tmp", "/dev/shm"};
  const size_t count = 2 + sizeof shared / sizeof *shared;
  int first_errno = 0;
  for (int takes_noexec = 0; takes_noexec < 2; takes_noexec++) {
    for (size_t i = 0; i < count; i++) {
      char parent[32];
      if (i == 1) print_text(parent, sizeof parent, "/run/user/%u", geteuid());
      else print_text(parent, sizeof parent, "%s", i == 0 ? "/run" : shared[i - 2]);
      auto_close int at = open(parent, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
      struct statfs status;
      bool is_noexec = at >= 0 && fstatfs(at, &status) == 0 && status.f_flags & ST_NOEXEC;
      if (i > 0 && is_noexec && !takes_noexec) continue;
      if (at >= 0 && mkdirat(at, name, 0700) == 0) {
        print_text(path, capacity, "%s/%s", parent, name);
        return openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
      }
      if (first_errno == 0) first_errno = errno;
    }
  }
  errno = first_errno;
  return -1;
}

int files_lay_shared(const struct exec_spec *spec, char *directory, struct err *err) {
  uint64_t random = 0;
  if (getrandom(&random, sizeof random, 0) != sizeof random) return err_system(err, errno, "getrandom", "");
  char name[32];
  print_text(name, sizeof name, "crun.%016llx", (unsigned long long)random);
  directory[0] = '\0';
  auto_close int made = open_shared(directory, FILES_DIRECTORY_MAX, name);
  // Whoever root becomes reads them; a login becomes nobody.
  if (made >= 0 && fchmod(made, geteuid() == 0 ? 0755 : 0700) == 0 && lay_all(made, spec, err) == 0) return 0;
  if (made < 0)
    err_fail_errno(err, FAILURE_SYSTEM, errno, "lay a file", "/run",
                   "no directory could be made there, nor in /tmp, /var/tmp and /dev/shm");
  if (directory[0] != '\0') files_remove(directory);
  directory[0] = '\0';
  return -1;
}

static void empty_directory(int fd, int depth) {
  auto_closedir DIR *entries = fdopendir(fd);
  if (entries == NULL) {
    close(fd);
    return;
  }
  for (struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    if (unlinkat(dirfd(entries), entry->d_name, 0) == 0 || depth == 0) continue;
    int below = openat(dirfd(entries), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (below >= 0) empty_directory(below, depth - 1);
    unlinkat(dirfd(entries), entry->d_name, AT_REMOVEDIR);
  }
}

void files_remove(const char *directory) {
  char path[FILES_DIRECTORY_MAX];
  print_text(path, sizeof path, "%s", directory);
  char *slash = strrchr(path, '/');
  if (slash == NULL) return;
  *slash = '\0';
  auto_close int parent = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (parent < 0) return;
  int made = openat(parent, slash + 1, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (made >= 0) empty_directory(made, REMOVE_DEPTH_MAX);
  unlinkat(parent, slash + 1, AT_REMOVEDIR);
}
