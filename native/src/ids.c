// Reads the id maps of a machine's user namespace, and makes files as its root.
#include "ids.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cleanup.h"

#define RANGES_MAX (sizeof((struct id_map *)0)->ranges / sizeof(struct id_range))

static int fail(struct err *err, const char *step) {
  return err_fail_errno(err, FAILURE_ENTRY, errno, step, "", "The ids of the machine are not known.");
}

static int fail_map(const char *name, struct err *err) {
  errno = EOVERFLOW;
  return fail(err, name);
}

static int read_map(struct id_map *out, int process, const char *name, struct err *err) {
  char text[8192];
  auto_close int fd = openat(process, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  out->count = 0;
  if (got < 0) return fail(err, name);
  text[got] = '\0';
  for (char *at = text; *at != '\0';) {
    uint32_t numbers[3];
    for (unsigned i = 0; i < 3; i++) {
      char *end;
      numbers[i] = (uint32_t)strtoul(at, &end, 10);
      if (end == at) return fail_map(name, err);
      at = end;
    }
    at += strspn(at, " \n");
    if (out->count == RANGES_MAX) return fail_map(name, err);
    out->ranges[out->count++] = (struct id_range){numbers[0], numbers[1], numbers[2]};
  }
  return 0;
}

static bool is_identity(const struct id_map *map) {
  return map->count == 1 && map->ranges[0].inside == 0 && map->ranges[0].outside == 0 &&
         map->ranges[0].count == UINT32_MAX;
}

int ids_read(struct ids *out, int process, struct err *err) {
  struct stat own, theirs;
  *out = (struct ids){0};
  // Kernels without user namespaces have no maps. Of our own namespace the maps lead to the one around it.
  if (fstatat(process, "ns/user", &theirs, 0) != 0) return errno == ENOENT ? 0 : fail(err, "stat its user namespace");
  if (stat("/proc/self/ns/user", &own) == 0 && own.st_ino == theirs.st_ino && own.st_dev == theirs.st_dev) return 0;
  if (read_map(&out->users, process, "uid_map", err) != 0 || read_map(&out->groups, process, "gid_map", err) != 0)
    return -1;
  out->is_shifted = !is_identity(&out->users) || !is_identity(&out->groups);
  return 0;
}

void ids_of_tree(struct ids *out, const struct stat *root) {
  const uint32_t count = 65536;
  *out = (struct ids){0};
  if (root->st_uid == 0 || root->st_uid % count != 0 || root->st_uid != root->st_gid || geteuid() != 0) return;
  out->is_shifted = true;
  out->users = (struct id_map){.count = 1, .ranges = {{0, root->st_uid, count}}};
  out->groups = out->users;
}

uint32_t id_inside(const struct id_map *map, uint32_t outside) {
  for (unsigned i = 0; i < map->count; i++) {
    const struct id_range *range = &map->ranges[i];
    if (outside >= range->outside && outside - range->outside < range->count)
      return range->inside + (outside - range->outside);
  }
  return ID_NOBODY;
}

bool id_outside(const struct id_map *map, uint32_t inside, uint32_t *out) {
  for (unsigned i = 0; i < map->count; i++) {
    const struct id_range *range = &map->ranges[i];
    if (inside < range->inside || inside - range->inside >= range->count) continue;
    *out = range->outside + (inside - range->inside);
    return true;
  }
  return false;
}

void ids_show(const struct ids *ids, struct stat *stat) {
  if (!ids->is_shifted) return;
  stat->st_uid = id_inside(&ids->users, stat->st_uid);
  stat->st_gid = id_inside(&ids->groups, stat->st_gid);
}

uid_t ids_file_user(void) {
  return (uid_t)setfsuid((uid_t)-1);
}

gid_t ids_file_group(void) {
  return (gid_t)setfsgid((gid_t)-1);
}

// A change of these ids takes capabilities over files away, and the signal at the router's death: both are given back.
static int become(uid_t user, gid_t group, struct err *err) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[2] = {0};
  int signal = 0;
  if (syscall(SYS_capget, &header, data) != 0) return fail(err, "capget");
  if (prctl(PR_GET_PDEATHSIG, &signal) != 0) return fail(err, "prctl");
  setfsgid(group);
  setfsuid(user);
  if (ids_file_user() != user || ids_file_group() != group) {
    errno = EPERM;
    return fail(err, "setfsuid");
  }
  if (syscall(SYS_capset, &header, data) != 0) return fail(err, "capset");
  return prctl(PR_SET_PDEATHSIG, signal) == 0 ? 0 : fail(err, "prctl");
}

int ids_enter(const struct ids *ids, struct err *err) {
  uint32_t user, group;
  if (!ids->is_shifted) return 0;
  if (!id_outside(&ids->users, 0, &user) || !id_outside(&ids->groups, 0, &group)) {
    errno = EINVAL;
    return fail(err, "find its root");
  }
  return become(user, group, err);
}

void ids_leave(const struct ids *ids) {
  struct err ignored;
  if (!ids->is_shifted) return;
  err_clear(&ignored);
  // What cannot go back would make the host's files another's.
  if (become(geteuid(), getegid(), &ignored) != 0) _exit(1);
}
