// Takes and releases lock files: LOCK, UNLOCK.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "tree.h"

#define PAUSE_MS 25

// The file, made where it is absent.
static int open_lock_file(struct tree *tree, const struct root *root, const struct change *change, struct err *err) {
  for (unsigned tries = 0; tries < 16; tries++) {
    auto_place struct place place = PLACE_NONE;
    int fd;
    if (place_find(root, change->path, PLACE_PARENT | PLACE_FOLLOW, &place, err) != 0) return -1;
    if (expect_check(tree, root, change, &place, err) != 0) return -1;
    if (place.fd >= 0) return place_open(root, &place, O_RDWR, change->path, err);
    if (place.parent < 0) return err_system(err, place.absence, "open", change->path);
    fd = openat(place.parent, place.name, O_CREAT | O_EXCL | O_NOFOLLOW | O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
                0600);
    if (fd >= 0) return fd;
    if (errno != EEXIST) return err_system(err, errno, "open", change->path);
  }
  return err_system(err, EAGAIN, "open", change->path);
}

static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// 0: taken; EAGAIN: another process held it all the time; else what went wrong, in errno too.
int lock_wait(struct tree *tree, int fd, int command, struct flock *wanted, uint32_t timeout_ms, uint32_t channel) {
  int64_t end = now_ms() + timeout_ms;
  while (fcntl(fd, command, wanted) != 0) {
    if (errno != EAGAIN && errno != EACCES && errno != EINTR) return errno;
    if (now_ms() >= end) return EAGAIN;
    if (port_is_cancelled(tree->port, channel)) return errno = ECANCELED;
    beat_step(tree->beat);
    poll(NULL, 0, PAUSE_MS);
  }
  return 0;
}

int change_lock(struct tree *tree, const struct change *change, uint32_t channel, struct err *err) {
  // Of the open file description: it conflicts with the locks of lckpwdf, and does not end when another descriptor of
  // the file is closed.
  struct flock wanted = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  auto_close int fd = open_lock_file(tree, tree_root(tree, change->at_host), change, err);
  struct lock *lock;
  if (fd < 0) return -1;
  switch (lock_wait(tree, fd, F_OFD_SETLK, &wanted, change->timeout_ms, channel)) {
    case 0:
      break;
    case EAGAIN:
      return err_fail(err, FAILURE_DEADLINE, "fcntl", change->path, "Another process held the lock for %u ms.",
                      change->timeout_ms);
    default:
      return err_system(err, errno, "fcntl", change->path);
  }
  lock = allocate(1, sizeof *lock + strlen(change->path) + 1);
  lock->at_host = change->at_host;
  lock->fd = steal_fd(&fd);
  strcpy(lock->path, change->path);
  lock->next = tree->locks;
  tree->locks = lock;
  return 0;
}

int change_unlock(struct tree *tree, const struct change *change, struct err *err) {
  for (struct lock **slot = &tree->locks; *slot != NULL; slot = &(*slot)->next) {
    struct lock *lock = *slot;
    if (lock->at_host != change->at_host || strcmp(lock->path, change->path) != 0) continue;
    *slot = lock->next;
    close(lock->fd);
    free(lock);
    return 0;
  }
  return err_fail(err, FAILURE_BAD_REQUEST, "fcntl", change->path, "The lock is not held.");
}

void unlock_all(struct tree *tree) {
  while (tree->locks != NULL) {
    struct lock *lock = tree->locks;
    tree->locks = lock->next;
    close(lock->fd);
    free(lock);
  }
}
