// Holds a tree for one run: HOLD.
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "print.h"
#include "tree.h"

#define HOLDER_MAX 900

// Of the machine: it does not jump, and goes on while the machine sleeps.
static int64_t boot_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_BOOTTIME, &now);
  return now.tv_sec;
}

// The directory of the locks, made where it is absent: nobody else may put anything there.
static int open_locks(const char *path, struct err *err) {
  char part[PATH_MAX];
  struct stat stat;
  int trouble = 0;
  print_text(part, sizeof part, "%s", path);
  for (char *at = part + 1; *at != '\0'; at++) {
    if (*at != '/') continue;
    *at = '\0';
    if (mkdir(part, 0700) != 0 && errno != EEXIST && trouble == 0) trouble = errno;
    *at = '/';
  }
  if (mkdir(part, 0700) != 0 && errno != EEXIST && trouble == 0) trouble = errno;
  auto_close int fd = open(part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0 || fstat(fd, &stat) != 0) return err_system(err, trouble != 0 ? trouble : errno, "hold", path);
  if (stat.st_uid != geteuid() || (stat.st_mode & 022) != 0)
    return err_fail(err, FAILURE_REFUSED, "hold", path, "Others can put locks there.");
  return steal_fd(&fd);
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

int change_hold(struct tree *tree, const struct change *change, uint32_t channel, struct err *err) {
  // The process's own: processes of the tree do not inherit it, and it ends with this worker, whatever becomes of them.
  struct flock wanted = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  struct stat own;
  char name[64];
  if (tree->hold > 0) return 0;
  if (fstat(tree->disk, &own) != 0) return err_system(err, errno, "hold", tree->path);
  auto_close int directory = open_locks(change->path, err);
  if (directory < 0) return -1;
  print_text(name, sizeof name, "%llx-%llx", (unsigned long long)own.st_dev, (unsigned long long)own.st_ino);
  auto_close int fd = openat(directory, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
  if (fd < 0) return err_system(err, errno, "hold", change->path);
  switch (lock_wait(tree, fd, F_SETLK, &wanted, change->timeout_ms, channel)) {
    case 0:
      break;
    case EAGAIN:
      return tell_holder(fd, err);
    default:
      return err_system(err, errno, "hold", change->path);
  }
  if (is_still_there(tree, &own, err) != 0) return -1;
  write_holder(fd, &change->value);
  tree->hold = steal_fd(&fd);
  return 0;
}
