// Holds a tree for one run: HOLD.
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "print.h"
#include "running.h"
#include "tree.h"

#define HOLDER_MAX 900
// Each time somebody else has held it and let go of it meanwhile.
#define TRIES_MAX 64

struct hold {
  int directory;
  int fd;
  char name[64];
};

// Of the machine: it does not jump, and goes on while the machine sleeps.
static int64_t boot_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_BOOTTIME, &now);
  return now.tv_sec;
}

// One directory on the way, made where it is absent: nobody else may put anything there, or another one into its place.
static int open_own(int parent, const char *name, const char *path, struct err *err) {
  struct stat stat;
  int trouble = mkdirat(parent, name, 0700) == 0 || errno == EEXIST ? 0 : errno;
  auto_close int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0 || fstat(fd, &stat) != 0) return err_system(err, trouble != 0 ? trouble : errno, "hold", path);
  if (stat.st_uid != geteuid() || (stat.st_mode & 022) != 0)
    return err_fail(err, FAILURE_REFUSED, "hold", path, "Others can put locks there: %s is not this user's alone.", name);
  return steal_fd(&fd);
}

// The directory of the locks and the one above it are the helper's own (/run/crun/locks, DIR/.crun/locks): where DIR is
// somebody else's, he puts neither a link nor one of his into their place.
static int open_locks(const char *path, struct err *err) {
  char base[PATH_MAX];
  print_text(base, sizeof base, "%s", path);
  char *last = strrchr(base, '/'), *above = NULL;
  if (last != NULL) {
    *last = '\0';
    above = strrchr(base, '/');
  }
  if (above == NULL) return err_system(err, EINVAL, "hold", path);
  *above = '\0';
  auto_close int fd = open(above == base ? "/" : base, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return err_system(err, errno, "hold", path);
  auto_close int own = open_own(fd, above + 1, path, err);
  return own < 0 ? -1 : open_own(own, last + 1, path, err);
}

// Whether its file is the one that others find. Whoever held it before has removed it, and this process may have opened it
// just before that.
static bool is_named(const struct hold *hold) {
  struct stat own, named;
  return fstat(hold->fd, &own) == 0 && fstatat(hold->directory, hold->name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
         is_same_object(&own, &named);
}

// 0: taken; EAGAIN: another process holds it (with `fd` 0 or more: whose text is there); else what went wrong.
static int take(struct tree *tree, struct hold *hold, const struct change *change, uint32_t channel) {
  // The process's own: processes of the tree do not inherit it, and it ends with this worker, whatever becomes of them.
  struct flock wanted = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  int64_t end = running_now_ms() + change->timeout_ms;
  for (unsigned tries = 0; tries < TRIES_MAX; tries++) {
    int64_t left = end - running_now_ms();
    hold->fd = openat(hold->directory, hold->name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    if (hold->fd < 0) return errno;
    int status = lock_wait(tree, hold->fd, F_SETLK, &wanted, left < 0 ? 0 : (uint32_t)left, channel);
    if ((status != 0 && status != EAGAIN) || is_named(hold)) return status;
    close(steal_fd(&hold->fd));
  }
  return EAGAIN;
}

// Who holds it, as he has written it himself, and since when: the failure's path and message.
static int tell_holder(int fd, struct err *err) {
  char text[HOLDER_MAX + 32];
  ssize_t length = pread(fd, text, sizeof text - 1, 0);
  int64_t since = 0;
  char *at = text;
  text[length < 0 ? 0 : length] = '\0';
  for (; *at >= '0' && *at <= '9' && since < INT64_MAX / 100; at++) since = since * 10 + (*at - '0');
  return err_fail(err, FAILURE_DEADLINE, "hold", *at == '\n' ? at + 1 : "", "%lld",
                  (long long)(since == 0 ? 0 : boot_seconds() - since));
}

static void write_holder(int fd, const struct bytes *holder) {
  char text[HOLDER_MAX + 32];
  int length = print_text(text, sizeof text, "%lld\n%.*s", (long long)boot_seconds(),
                          (int)(holder->length > HOLDER_MAX ? HOLDER_MAX : holder->length),
                          holder->length == 0 ? "" : (const char *)holder->data);
  // The text is for people alone: without it the lock holds as well.
  if (ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)length, 0) < 0) return;
}

// Whether the tree's path still leads to it: another run may have put another one into its place while it was held.
static int is_still_there(struct tree *tree, const struct stat *own, struct err *err) {
  auto_place struct place place = PLACE_NONE;
  if (place_find(&tree->host, tree->path, PLACE_FOLLOW, &place, err) != 0) return -1;
  if (place.fd >= 0 && place.stat.st_dev == own->st_dev && place.stat.st_ino == own->st_ino) return 0;
  return err_fail(err, FAILURE_CONFLICT, "hold", tree->path, "There is another tree by now.");
}

static void forget(struct hold *hold) {
  if (hold->fd >= 0) close(hold->fd);
  if (hold->directory >= 0) close(hold->directory);
  free(hold);
}

void release_hold(struct tree *tree) {
  if (tree->hold == NULL) return;
  // While it is held: nobody else removes it, and whoever gets its lock afterwards sees that it is gone.
  if (is_named(tree->hold)) unlinkat(tree->hold->directory, tree->hold->name, 0);
  forget(tree->hold);
  tree->hold = NULL;
}

int change_hold(struct tree *tree, const struct change *change, uint32_t channel, struct err *err) {
  struct stat own;
  if (tree->hold != NULL) return 0;
  if (fstat(tree->disk, &own) != 0) return err_system(err, errno, "hold", tree->path);
  auto_close int directory = open_locks(change->path, err);
  if (directory < 0) return -1;
  struct hold *hold = allocate(1, sizeof *hold);
  hold->directory = steal_fd(&directory);
  print_text(hold->name, sizeof hold->name, "%llx-%llx", (unsigned long long)own.st_dev,
             (unsigned long long)own.st_ino);
  int status = take(tree, hold, change, channel);
  if (status != 0) {
    if (status == EAGAIN) tell_holder(hold->fd, err);
    else err_system(err, status, "hold", change->path);
    forget(hold);
    return -1;
  }
  tree->hold = hold;
  if (is_still_there(tree, &own, err) != 0) {
    release_hold(tree);
    return -1;
  }
  write_holder(hold->fd, &change->value);
  return 0;
}
