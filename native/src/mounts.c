// Makes mounts by descriptor, with open_tree and its kin or, before Linux 5.2, with mount(2) on /proc/self/fd.
#include "mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cleanup.h"
#include "kernel.h"
#include "print.h"

struct descriptor_path {
  char text[40];
};

static struct descriptor_path path_of(int fd) {
  struct descriptor_path path;
  print_text(path.text, sizeof path.text, "/proc/self/fd/%d", fd);
  return path;
}

static int fail(struct err *err, int errno_value, const char *step, const char *path) {
  return err_fail_errno(err, FAILURE_ENTRY, errno_value, step, path, "the tree could not be entered: %s /%s", step,
                        path);
}

void target_close(struct target *place) {
  if (place->fd >= 0) close(place->fd);
  place->fd = -1;
}

int target_open(struct target *out, int parent, const char *name, enum target_type type, struct err *err) {
  *out = (struct target){.parent = parent, .name = name, .fd = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC)};
  if (out->fd < 0) return errno == ENOENT ? 0 : fail(err, errno, "open", name);
  struct stat status;
  if (fstat(out->fd, &status) < 0) return fail(err, errno, "fstat", name);
  if (type == TARGET_DIRECTORY ? S_ISDIR(status.st_mode) : S_ISREG(status.st_mode) || S_ISCHR(status.st_mode)) return 1;
  target_close(out);
  return err_fail(err, FAILURE_ENTRY, "mount", name, "/%s of the tree is %s: crun mounts nothing there", name,
                  S_ISLNK(status.st_mode) ? "a link" : "not what it has to be");
}

// The root of what was mounted at a place: the name leads there now, unless it was swapped meanwhile.
static int reopen(const struct target *at, struct err *err) {
  auto_close int fd = at->linked != NULL
                          ? kernel_open_beneath(at->root, at->linked, O_PATH,
                                                KERNEL_RESOLVE_IN_ROOT | KERNEL_RESOLVE_NO_MAGICLINKS)
                          : openat(at->parent, at->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return fail(err, errno, "reopen", at->name);
  return steal_fd(&fd);
}

static int verify_magic(int fd, long magic, const char *name, struct err *err) {
  struct statfs status;
  if (fstatfs(fd, &status) < 0) return fail(err, errno, "fstatfs", name);
  if ((long)status.f_type == magic) return 0;
  return err_fail(err, FAILURE_ENTRY, "verify a mount", name, "what was mounted on /%s is not there", name);
}

static int verify_same(int left, int right, const char *name, struct err *err) {
  struct stat a, b;
  if (fstat(left, &a) < 0 || fstat(right, &b) < 0) return fail(err, errno, "fstat", name);
  if (a.st_dev == b.st_dev && a.st_ino == b.st_ino) return 0;
  return err_fail(err, FAILURE_ENTRY, "verify a mount", name, "what was mounted on /%s is not there", name);
}

static int verify_attributes(int fd, unsigned attributes, const char *name, struct err *err) {
  struct statvfs status;
  if (fstatvfs(fd, &status) < 0) return fail(err, errno, "fstatvfs", name);
  unsigned long has = status.f_flag;
  bool is_right = (!(attributes & KERNEL_ATTR_RDONLY) || (has & ST_RDONLY)) &&
                  (!(attributes & KERNEL_ATTR_NOSUID) || (has & ST_NOSUID)) &&
                  (!(attributes & KERNEL_ATTR_NODEV) || (has & ST_NODEV)) &&
                  (!(attributes & KERNEL_ATTR_NOEXEC) || (has & ST_NOEXEC));
  if (is_right) return 0;
  return err_fail(err, FAILURE_ENTRY, "verify a mount", name, "the mount on /%s is less restricted than it has to be",
                  name);
}

// Not only is the mount right, it is there: what a process finds by the name is that very mount, none below or over it.
static int verify_attached(const struct target *at, int mounted, unsigned attributes, struct err *err) {
  auto_close int seen = reopen(at, err);
  if (seen < 0 || verify_same(seen, mounted, at->name, err) < 0) return -1;
  if (kernel_mount_id(seen) != kernel_mount_id(mounted))
    return err_fail(err, FAILURE_ENTRY, "verify a mount", at->name, "what was mounted on /%s is not there", at->name);
  return verify_attributes(seen, attributes, at->name, err);
}

static unsigned long classic_flags(unsigned attributes) {
  return (attributes & KERNEL_ATTR_RDONLY ? MS_RDONLY : 0) | (attributes & KERNEL_ATTR_NOSUID ? MS_NOSUID : 0) |
         (attributes & KERNEL_ATTR_NODEV ? MS_NODEV : 0) | (attributes & KERNEL_ATTR_NOEXEC ? MS_NOEXEC : 0);
}

// MS_REMOUNT sets all flags at once: those that the mount has must be said again (and may be locked in a user
// namespace).
static int restrict_classic(int mount_fd, unsigned attributes) {
  struct statvfs status;
  if (fstatvfs(mount_fd, &status) < 0) return -1;
  unsigned long flags = MS_REMOUNT | MS_BIND | classic_flags(attributes);
  flags |= (status.f_flag & ST_RDONLY ? MS_RDONLY : 0) | (status.f_flag & ST_NOSUID ? MS_NOSUID : 0) |
           (status.f_flag & ST_NODEV ? MS_NODEV : 0) | (status.f_flag & ST_NOEXEC ? MS_NOEXEC : 0) |
           (status.f_flag & ST_NOATIME ? MS_NOATIME : 0) | (status.f_flag & ST_NODIRATIME ? MS_NODIRATIME : 0) |
           (status.f_flag & ST_RELATIME ? MS_RELATIME : 0);
  return mount(NULL, path_of(mount_fd).text, NULL, flags, NULL);
}

static int restrict_mount(int mount_fd, unsigned attributes, bool is_recursive) {
  if (attributes == 0) return 0;
  struct kernel_mount_attributes change = {.set = attributes};
  if (kernel_mount_setattr(mount_fd, KERNEL_AT_EMPTY_PATH | (is_recursive ? KERNEL_AT_RECURSIVE : 0), &change) == 0)
    return 0;
  if (errno != ENOSYS || is_recursive) return -1;
  return restrict_classic(mount_fd, attributes);
}

int mount_restrict(int mount_fd, unsigned attributes, struct err *err) {
  if (restrict_mount(mount_fd, attributes, false) < 0) return fail(err, errno, "restrict a mount", "");
  return verify_attributes(mount_fd, attributes, "", err);
}

static int fresh_classic(const struct target *at, const char *type, const char *const *options, unsigned attributes,
                         struct err *err) {
  char data[256] = "";
  size_t used = 0;
  for (const char *const *option = options; option != NULL && option[0] != NULL; option += 2) {
    int length = print_text(data + used, sizeof data - used, "%s%s%s%s", used == 0 ? "" : ",", option[0],
                          option[1] == NULL ? "" : "=", option[1] == NULL ? "" : option[1]);
    if (length < 0 || (size_t)length >= sizeof data - used) return fail(err, ENAMETOOLONG, "mount", at->name);
    used += (size_t)length;
  }
  if (mount(type, path_of(at->fd).text, type, classic_flags(attributes), data) < 0)
    return fail(err, errno, "mount", at->name);
  return reopen(at, err);
}

int mount_fresh(const struct target *at, const char *type, long magic, const char *const *options, unsigned attributes,
                struct err *err) {
  auto_close int mounted = -1;
  auto_close int fs = kernel_fsopen(type);
  if (fs >= 0) {
    // The name that `mount` and `df` show; file systems without a source ignore it or refuse it, and need none.
    kernel_fsconfig(fs, KERNEL_FSCONFIG_SET_STRING, "source", type);
    for (const char *const *option = options; option != NULL && option[0] != NULL; option += 2) {
      unsigned command = option[1] == NULL ? KERNEL_FSCONFIG_SET_FLAG : KERNEL_FSCONFIG_SET_STRING;
      if (kernel_fsconfig(fs, command, option[0], option[1]) < 0) return fail(err, errno, "configure", at->name);
    }
    if (kernel_fsconfig(fs, KERNEL_FSCONFIG_CREATE, NULL, NULL) < 0) return fail(err, errno, "create", at->name);
    mounted = kernel_fsmount(fs, attributes);
    if (mounted < 0) return fail(err, errno, "mount", at->name);
    if (kernel_move_mount(mounted, "", at->fd, "", KERNEL_MOVE_F_EMPTY_PATH | KERNEL_MOVE_T_EMPTY_PATH) < 0)
      return fail(err, errno, "attach", at->name);
  } else if (errno == ENOSYS) {
    mounted = fresh_classic(at, type, options, attributes, err);
    if (mounted < 0) return -1;
  } else {
    return fail(err, errno, "mount", at->name);
  }
  if (verify_magic(mounted, magic, at->name, err) < 0 || verify_attached(at, mounted, attributes, err) < 0) return -1;
  return steal_fd(&mounted);
}

int mount_bind(int source, const struct target *at, bool is_recursive, unsigned attributes, struct err *err) {
  unsigned flags = KERNEL_OPEN_TREE_CLONE | KERNEL_OPEN_TREE_CLOEXEC | KERNEL_AT_EMPTY_PATH |
                   (is_recursive ? KERNEL_AT_RECURSIVE : 0);
  auto_close int mounted = kernel_open_tree(source, "", flags);
  if (mounted >= 0) {
    // A mount whose kernel cannot restrict it detached is restricted once it is attached.
    bool is_restricted = restrict_mount(mounted, attributes, is_recursive) == 0;
    if (!is_restricted && errno != ENOSYS && errno != EINVAL) return fail(err, errno, "restrict a mount", at->name);
    if (kernel_move_mount(mounted, "", at->fd, "", KERNEL_MOVE_F_EMPTY_PATH | KERNEL_MOVE_T_EMPTY_PATH) < 0)
      return fail(err, errno, "attach", at->name);
    if (!is_restricted && restrict_classic(mounted, attributes) < 0)
      return fail(err, errno, "restrict a mount", at->name);
  } else if (errno == ENOSYS) {
    struct descriptor_path from = path_of(source), to = path_of(at->fd);
    if (mount(from.text, to.text, NULL, MS_BIND | (is_recursive ? MS_REC : 0), NULL) < 0)
      return fail(err, errno, "bind", at->name);
    mounted = reopen(at, err);
    if (mounted < 0) return -1;
    if (attributes != 0 && restrict_classic(mounted, attributes) < 0)
      return fail(err, errno, "restrict a mount", at->name);
  } else {
    return fail(err, errno, "open_tree", at->name);
  }
  if (verify_same(mounted, source, at->name, err) < 0 || verify_attached(at, mounted, attributes, err) < 0) return -1;
  return steal_fd(&mounted);
}

// Undoes the kernel's octal escapes in a field of mountinfo, in place.
static void unescape(char *text) {
  char *to = text;
  for (const char *from = text; *from != '\0'; to++) {
    if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] != '\0' && from[3] != '\0') {
      *to = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + (from[3] - '0'));
      from += 4;
    } else {
      *to = *from++;
    }
  }
  *to = '\0';
}

// Before mount_setattr (5.12): each mount below the tree, one by one; one that cannot be reached refuses the entry.
static int restrict_below(const char *path, unsigned attributes, struct err *err) {
  FILE *mounts = fopen("/proc/self/mountinfo", "re");
  if (mounts == NULL) return fail(err, errno, "open", "proc/self/mountinfo");
  char *line = NULL;
  size_t capacity = 0, length = strlen(path);
  int status = 0;
  while (status == 0 && getline(&line, &capacity, mounts) > 0) {
    char *field = line;
    for (int i = 0; i < 4 && field != NULL; i++) field = strchr(field, ' ') == NULL ? NULL : strchr(field, ' ') + 1;
    if (field == NULL || strchr(field, ' ') == NULL) continue;
    *strchr(field, ' ') = '\0';
    unescape(field);
    if (strncmp(field, path, length) != 0 || field[length] != '/') continue;
    auto_close int below = open(field, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (below < 0 || restrict_classic(below, attributes) < 0)
      status = fail(err, errno, "restrict a mount of the tree", field);
    else status = verify_attributes(below, attributes, field, err);
  }
  free(line);
  fclose(mounts);
  return status;
}

int mount_tree_on_itself(const char *path, unsigned attributes, struct err *err) {
  auto_close int before = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (before < 0) return fail(err, errno, "open", "");
  auto_close int mounted =
      kernel_open_tree(AT_FDCWD, ".", KERNEL_OPEN_TREE_CLONE | KERNEL_OPEN_TREE_CLOEXEC | KERNEL_AT_RECURSIVE);
  bool is_restricted = false;
  if (mounted >= 0) {
    is_restricted = restrict_mount(mounted, attributes, true) == 0;
    if (!is_restricted && errno != ENOSYS) return fail(err, errno, "restrict a mount", "");
    if (kernel_move_mount(mounted, "", AT_FDCWD, ".", KERNEL_MOVE_F_EMPTY_PATH) < 0)
      return fail(err, errno, "attach the tree", "");
  } else if (errno == ENOSYS) {
    if (mount(".", ".", NULL, MS_BIND | MS_REC, NULL) < 0) return fail(err, errno, "bind the tree", "");
    mounted = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (mounted < 0) return fail(err, errno, "reopen the tree", "");
  } else {
    return fail(err, errno, "open_tree", "");
  }
  if (verify_same(mounted, before, "", err) < 0) return -1;
  if (!is_restricted && attributes != 0) {
    if (restrict_classic(mounted, attributes) < 0) return fail(err, errno, "restrict a mount", "");
    if (restrict_below(path, attributes, err) < 0) return -1;
  }
  if (verify_attributes(mounted, attributes, "", err) < 0) return -1;
  return steal_fd(&mounted);
}

// None passes mounts on, to the host or from it. Without a /proc of the host nobody can tell.
static int verify_private(struct err *err) {
  FILE *mounts = fopen("/proc/self/mountinfo", "re");
  char *line = NULL;
  size_t capacity = 0;
  bool is_shared = false;
  while (mounts != NULL && !is_shared && getline(&line, &capacity, mounts) > 0) {
    // Blanks in paths are escaped: these are the words before the dash.
    char *dash = strstr(line, " - ");
    if (dash != NULL) *dash = '\0';
    is_shared = strstr(line, " shared:") != NULL || strstr(line, " master:") != NULL;
  }
  free(line);
  if (mounts != NULL) fclose(mounts);
  if (!is_shared) return 0;
  return err_fail(err, FAILURE_ENTRY, "verify private mounts", "/", "mounts would be seen on the host");
}

int mount_make_private(struct err *err) {
  if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0) return fail(err, errno, "make mounts private", "");
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) return fail(err, errno, "make mounts private", "");
  return verify_private(err);
}
