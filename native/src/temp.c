// Makes new files without a name, and gives them their name when they are whole.
#include "temp.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <time.h>

#include <linux/fs.h>

#include "cleanup.h"
#include "print.h"

void temp_name(char name[32]) {
  uint64_t number = 0;
  // Without a random number a guess only makes the creation fail with EEXIST.
  if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number) number = (uint64_t)time(NULL);
  print_text(name, 32, ".crun-%016llx", (unsigned long long)number);
}

// A lock is held for as long as a rename takes, where files can be made without a name.
#define LOCK_TRIES 10

void interim_take(struct interim *interim, int parent) {
  auto_close int lock = openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  interim->lock = -1;
  for (unsigned tries = 0; lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) != 0; tries++) {
    if (tries < LOCK_TRIES && errno == EWOULDBLOCK) {
      poll(NULL, 0, 1);
      continue;
    }
    close(lock);
    lock = -1;
  }
  // A directory is made empty here: one that holds something is somebody else's, and stays.
  if (lock < 0 || (unlinkat(parent, INTERIM_NAME, 0) != 0 && errno != ENOENT &&
                   unlinkat(parent, INTERIM_NAME, AT_REMOVEDIR) != 0)) {
    temp_name(interim->name);
    return;
  }
  strcpy(interim->name, INTERIM_NAME);
  interim->lock = steal_fd(&lock);
}

bool interim_retry(struct interim *interim, int error) {
  if (error != EEXIST || strcmp(interim->name, INTERIM_NAME) != 0) return false;
  interim_end(interim);
  temp_name(interim->name);
  return true;
}

void interim_end(struct interim *interim) {
  if (interim->lock >= 0) close(interim->lock);
  *interim = INTERIM_NONE;
}

int temp_create(struct temp *out, int parent, const char *path, struct err *err) {
  *out = TEMP_NONE;
  out->parent = parent;
  out->fd = openat(parent, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (out->fd >= 0) return 0;
  // EISDIR, EOPNOTSUPP, ENOENT: what kernels and file systems say that know no files without names.
  if (errno != EISDIR && errno != EOPNOTSUPP && errno != ENOENT && errno != EINVAL)
    return err_system(err, errno, "open", path);
  interim_take(&out->interim, parent);
  do out->fd = openat(parent, out->interim.name, O_CREAT | O_EXCL | O_NOFOLLOW | O_RDWR | O_CLOEXEC, 0600);
  while (out->fd < 0 && interim_retry(&out->interim, errno));
  if (out->fd >= 0) return 0;
  int error = errno;
  interim_end(&out->interim);
  return err_system(err, error, "open", path);
}

void temp_close(struct temp *temp) {
  if (temp->interim.name[0] != '\0') unlinkat(temp->parent, temp->interim.name, 0);
  interim_end(&temp->interim);
  if (temp->fd >= 0) close(temp->fd);
  *temp = TEMP_NONE;
}

int link_descriptor(const struct root *root, int fd, int parent, const char *name) {
  char number[16];
  if (root->proc_fd >= 0) {
    print_text(number, sizeof number, "%d", fd);
    return linkat(root->proc_fd, number, parent, name, AT_SYMLINK_FOLLOW);
  }
  return linkat(fd, "", parent, name, AT_EMPTY_PATH);
}

int rename_new(int parent, const char *from, const char *name) {
  struct stat stat;
  long result = syscall(SYS_renameat2, parent, from, parent, name, RENAME_NOREPLACE);
  if (result == 0 || (errno != EINVAL && errno != ENOSYS)) return (int)result;
  // A file system that cannot: no directory replaces one that holds something, and a link fails where the name is taken.
  if (fstatat(parent, from, &stat, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(stat.st_mode))
    return renameat(parent, from, parent, name);
  if (linkat(parent, from, parent, name, 0) != 0) return -1;
  return unlinkat(parent, from, 0);
}

int interim_rename(struct interim *interim, int parent, const char *name, bool is_new, const char *path,
                   struct err *err) {
  const char *from = interim->name;
  int error = 0;
  if ((is_new ? rename_new(parent, from, name) : renameat(parent, from, parent, name)) != 0) {
    error = errno;
    unlinkat(parent, from, 0);
  }
  interim_end(interim);
  if (error == 0) return 0;
  if (is_new && error == EEXIST) {
    return err_fail_errno(err, FAILURE_CONFLICT, EEXIST, "rename", path, "Something was made there meanwhile.");
  }
  return err_system(err, error, "rename", path);
}

int temp_place(struct temp *temp, const struct root *root, const char *name, bool is_new, const char *path,
               struct err *err) {
  if (temp->interim.name[0] == '\0') {
    if (is_new) {
      if (link_descriptor(root, temp->fd, temp->parent, name) == 0) return 0;
      if (errno == EEXIST) {
        return err_fail_errno(err, FAILURE_CONFLICT, EEXIST, "link", path, "Something was made there meanwhile.");
      }
      return err_system(err, errno, "link", path);
    }
    interim_take(&temp->interim, temp->parent);
    while (link_descriptor(root, temp->fd, temp->parent, temp->interim.name) != 0) {
      int error = errno;
      if (interim_retry(&temp->interim, error)) continue;
      interim_end(&temp->interim);
      return err_system(err, error, "link", path);
    }
  }
  return interim_rename(&temp->interim, temp->parent, name, is_new, path, err);
}

int temp_set_attributes(struct temp *temp, const struct attributes *wanted, const char *path, struct err *err) {
  const struct stat *replaced = wanted->replaced;
  bool has_replaced = replaced != NULL && S_ISREG(replaced->st_mode);
  uid_t uid = wanted->uid != ID_KEEP ? wanted->uid : has_replaced ? replaced->st_uid : ids_file_user();
  gid_t gid = wanted->gid != ID_KEEP ? wanted->gid : has_replaced ? replaced->st_gid : ids_file_group();
  mode_t mode = wanted->mode != MODE_KEEP ? wanted->mode : has_replaced ? replaced->st_mode & 07777 : 0644;
  struct stat stat;
  if (fstat(temp->fd, &stat) != 0) return err_system(err, errno, "fstat", path);
  if ((stat.st_uid != uid || stat.st_gid != gid) && fchown(temp->fd, uid, gid) != 0)
    return err_system(err, errno, "chown", path);
  // After the owner: a change of owner takes the setuid bit away.
  if (fchmod(temp->fd, mode) != 0) return err_system(err, errno, "chmod", path);
  return 0;
}

int temp_sync(struct temp *temp, const char *path, struct err *err) {
  return fsync(temp->fd) == 0 ? 0 : err_system(err, errno, "fsync", path);
}

static bool is_of_content(const char *name) {
  return strcmp(name, "security.capability") == 0 || strcmp(name, "security.ima") == 0 ||
         strcmp(name, "security.evm") == 0;
}

// What only a privileged process may set, or another security module than here: its loss is no failure.
static bool may_be_lost(const char *name, int error) {
  return (error == EPERM || error == EOPNOTSUPP) &&
         (strncmp(name, "security.", 9) == 0 || strncmp(name, "trusted.", 8) == 0);
}

static int copy_xattr(int from, int to, const char *name) {
  ssize_t size = fgetxattr(from, name, NULL, 0);
  auto_free char *value = NULL;
  if (size < 0) return errno == ENODATA ? 0 : errno;
  value = malloc((size_t)size + 1);
  if (value == NULL) return ENOMEM;
  size = fgetxattr(from, name, value, (size_t)size);
  if (size < 0) return errno;
  return fsetxattr(to, name, value, (size_t)size, 0) == 0 ? 0 : errno;
}

int copy_xattrs(int from, int to, enum xattr_choice choice, const char *path, struct err *err) {
  ssize_t size = flistxattr(from, NULL, 0);
  auto_free char *names = NULL;
  if (size <= 0) return size == 0 || errno == EOPNOTSUPP ? 0 : err_system(err, errno, "listxattr", path);
  names = malloc((size_t)size);
  if (names == NULL) return err_system(err, ENOMEM, "listxattr", path);
  size = flistxattr(from, names, (size_t)size);
  if (size < 0) return err_system(err, errno, "listxattr", path);
  for (const char *name = names; name < names + size; name += strlen(name) + 1) {
    int error;
    if (choice == XATTR_BUT_OF_CONTENT && is_of_content(name)) continue;
    error = copy_xattr(from, to, name);
    if (error != 0 && !may_be_lost(name, error)) return err_system(err, error, "setxattr", path);
  }
  return 0;
}
