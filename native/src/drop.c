// Drops privilege and proves it.
#include "drop.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cleanup.h"

#define BIT(capability) (UINT64_C(1) << (capability))

const uint64_t CAPABILITIES_OF_TREE_ROOT = BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_FOWNER) | BIT(CAP_FSETID) |
                                           BIT(CAP_KILL) | BIT(CAP_SETGID) | BIT(CAP_SETUID) | BIT(CAP_SETPCAP) |
                                           BIT(CAP_SYS_CHROOT) | BIT(CAP_MKNOD) | BIT(CAP_SETFCAP);

bool capabilities_may_filter(uint64_t capabilities) {
  return (capabilities & BIT(CAP_SYS_ADMIN)) != 0;
}

struct capability_sets {
  uint64_t effective, permitted, inheritable;
};

static int sets_get(struct capability_sets *out) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[2] = {0};
  if (syscall(SYS_capget, &header, data) < 0) return -1;
  out->effective = data[0].effective | (uint64_t)data[1].effective << 32;
  out->permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
  out->inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32;
  return 0;
}

static int sets_set(uint64_t permitted) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[2] = {0};
  data[0].effective = data[0].permitted = (uint32_t)permitted;
  data[1].effective = data[1].permitted = (uint32_t)(permitted >> 32);
  return (int)syscall(SYS_capset, &header, data);
}

// The bounding set as it is; reading ends at the kernel's last capability.
static uint64_t bounding_get(void) {
  uint64_t set = 0;
  for (int capability = 0; capability < 64; capability++) {
    int has = prctl(PR_CAPBSET_READ, capability, 0, 0, 0);
    if (has < 0) break;
    if (has > 0) set |= BIT(capability);
  }
  return set;
}

int capabilities_cut(uint64_t keep, struct err *err) {
  struct capability_sets sets;
  uint64_t bounding = bounding_get();
  for (int capability = 0; capability < 64; capability++) {
    if ((bounding & ~keep & BIT(capability)) == 0) continue;
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0)
      return err_system(err, errno, "drop from the bounding set", "");
  }
  // Ambient capabilities came with kernel 4.3; EINVAL says that there are none.
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
    return err_system(err, errno, "clear the ambient set", "");
  if (sets_get(&sets) < 0) return err_system(err, errno, "capget", "");
  if (sets_set(sets.permitted & keep) < 0) return err_system(err, errno, "capset", "");
  if (sets_get(&sets) < 0) return err_system(err, errno, "capget", "");
  if ((bounding_get() & ~keep) != 0 || (sets.permitted & ~keep) != 0 || (sets.effective & ~keep) != 0 ||
      sets.inheritable != 0)
    return err_fail(err, FAILURE_ENTRY, "verify capabilities", "", "capabilities remained that were to be dropped");
  for (int capability = 0; capability < 64; capability++) {
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, capability, 0, 0) > 0)
      return err_fail(err, FAILURE_ENTRY, "verify capabilities", "", "an ambient capability remained");
  }
  return 0;
}

int capabilities_need(uint64_t wanted, struct err *err) {
  struct capability_sets sets;
  if (wanted == 0) return 0;
  if (sets_get(&sets) < 0) return err_system(err, errno, "capget", "");
  for (int capability = 0; capability < 64; capability++) {
    if (wanted & ~sets.permitted & BIT(capability))
      return err_fail(err, FAILURE_ENTRY, "allow", "",
                      "capability %d is not to be had: this host, machine or entry does not give it", capability);
  }
  return 0;
}

bool are_groups_fixed(void) {
  char word[8] = "";
  auto_close int fd = open("/proc/self/setgroups", O_RDONLY | O_CLOEXEC);
  return fd >= 0 && read(fd, word, sizeof word - 1) > 0 && strncmp(word, "deny", 4) == 0;
}

static int compare_gids(const void *left, const void *right) {
  gid_t a = *(const gid_t *)left, b = *(const gid_t *)right;
  return a < b ? -1 : a > b;
}

static int verify_groups(const struct user *user, struct err *err) {
  int count = getgroups(0, NULL);
  if (count < 0) return err_system(err, errno, "getgroups", "");
  auto_free gid_t *actual = calloc((size_t)count + 1, sizeof *actual);
  auto_free gid_t *wanted = calloc(user->group_count + 1, sizeof *wanted);
  if (actual == NULL || wanted == NULL) return err_system(err, ENOMEM, "getgroups", "");
  count = getgroups(count, actual);
  if (count < 0) return err_system(err, errno, "getgroups", "");
  if (user->group_count > 0) memcpy(wanted, user->groups, user->group_count * sizeof *wanted);
  qsort(actual, (size_t)count, sizeof *actual, compare_gids);
  qsort(wanted, user->group_count, sizeof *wanted, compare_gids);
  if ((size_t)count != user->group_count || memcmp(actual, wanted, user->group_count * sizeof *wanted) != 0)
    return err_fail(err, FAILURE_ENTRY, "verify groups", "", "the groups are not those that were set");
  return 0;
}

static int set_ids(const struct user *user, struct err *err) {
  const char *unmapped =
      "this id is not mapped in the helper's user namespace (it runs without root): no process can have it";
  if (setresgid(user->gid, user->gid, user->gid) < 0)
    return errno == EINVAL
               ? err_fail_errno(err, FAILURE_NO_SUCH_USER, errno, "setresgid", "", "group %u: %s", user->gid, unmapped)
               : err_system(err, errno, "setresgid", "");
  if (setresuid(user->uid, user->uid, user->uid) < 0)
    return errno == EINVAL
               ? err_fail_errno(err, FAILURE_NO_SUCH_USER, errno, "setresuid", "", "user %u: %s", user->uid, unmapped)
               : err_system(err, errno, "setresuid", "");
  uid_t real, effective, saved;
  gid_t real_group, effective_group, saved_group;
  if (getresuid(&real, &effective, &saved) < 0 || getresgid(&real_group, &effective_group, &saved_group) < 0)
    return err_system(err, errno, "getresuid", "");
  if (real != user->uid || effective != user->uid || saved != user->uid || real_group != user->gid ||
      effective_group != user->gid || saved_group != user->gid)
    return err_fail(err, FAILURE_ENTRY, "verify ids", "", "the ids are not those that were set");
  return 0;
}

// No way back: each attempt that succeeds is a drop that failed.
static int verify_no_regain(const struct user *user, struct err *err) {
  if (setresuid((uid_t)-1, 0, (uid_t)-1) == 0 || setuid(0) == 0 || setresuid(0, 0, 0) == 0)
    return err_fail(err, FAILURE_ENTRY, "verify the drop", "", "root could be regained");
  if (user->gid != 0 && (setresgid((gid_t)-1, 0, (gid_t)-1) == 0 || setgid(0) == 0))
    return err_fail(err, FAILURE_ENTRY, "verify the drop", "", "root's group could be regained");
  gid_t group = 0;
  if (setgroups(1, &group) == 0)
    return err_fail(err, FAILURE_ENTRY, "verify the drop", "", "groups could still be set");
  if (sets_set(BIT(CAP_SETUID)) == 0)
    return err_fail(err, FAILURE_ENTRY, "verify the drop", "", "capabilities could be regained");
  return 0;
}

int leave_abstract_sockets(struct err *err) {
  static const uint64_t scoped[3] = {0, 0, 1}; // no files, no ports, LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET
  auto_close int rules = (int)syscall(444 /* landlock_create_ruleset */, scoped, sizeof scoped, 0u);
  if (rules < 0 || syscall(446 /* landlock_restrict_self */, rules, 0u) == 0) return 0;
  return err_fail_errno(err, FAILURE_ENTRY, errno, "restrict sockets", "",
                        "the host's sockets could not be closed to the tree");
}

int drop_to_user(const struct user *user, struct err *err) {
  // Without any right there is nothing to drop, and nobody else to be had.
  if (geteuid() != 0) {
    struct capability_sets sets;
    if (sets_get(&sets) < 0) return err_system(err, errno, "capget", "");
    if (sets.permitted != 0)
      return err_fail(err, FAILURE_ENTRY, "verify capabilities", "", "no root, but capabilities");
    if (user->uid == geteuid() && user->uid == getuid()) return 0;
    return err_fail(err, FAILURE_NO_SUCH_USER, "setresuid", "", "user %u is out of reach: the helper runs without root",
                    user->uid);
  }
  bool has_fixed_groups = are_groups_fixed();
  bool is_root = user->uid == 0;
  if (has_fixed_groups && !is_root)
    return err_fail(
        err, FAILURE_NO_SUCH_USER, "setgroups", "",
        "user %u is out of reach: the helper runs without root and has no subordinate ids (/etc/subuid, newuidmap)",
        user->uid);
  if (!has_fixed_groups && setgroups(user->group_count, user->groups) < 0)
    return errno == EINVAL
               ? err_fail_errno(
                     err, FAILURE_NO_SUCH_USER, errno, "setgroups", "",
                     "a group of this user is not mapped in the helper's user namespace (it runs without root)")
               : err_system(err, errno, "setgroups", "");
  if (!has_fixed_groups && verify_groups(user, err) < 0) return -1;
  if (!is_root) {
    const unsigned long locked = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
                                 SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED |
                                 SECBIT_NO_SETUID_FIXUP_LOCKED;
    if (prctl(PR_SET_SECUREBITS, locked, 0, 0, 0) < 0) return err_system(err, errno, "set securebits", "");
    if ((unsigned long)prctl(PR_GET_SECUREBITS, 0, 0, 0, 0) != locked)
      return err_fail(err, FAILURE_ENTRY, "verify the drop", "", "the securebits are not those that were set");
    for (int capability = 0; capability < 64; capability++) {
      if (prctl(PR_CAPBSET_READ, capability, 0, 0, 0) < 0) break;
      if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0)
        return err_system(err, errno, "drop from the bounding set", "");
    }
  }
  if (set_ids(user, err) < 0) return -1;
  // The change of ids resets it to fs.suid_dumpable.
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) return err_system(err, errno, "set dumpable", "");
  if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
    return err_fail(err, FAILURE_ENTRY, "verify the drop", "", "the process could be traced");
  if (is_root) return 0;
  if (capabilities_cut(0, err) < 0) return -1;
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return err_system(err, errno, "set no_new_privs", "");
  if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
    return err_fail(err, FAILURE_ENTRY, "verify the drop", "", "no_new_privs is not set");
  return verify_no_regain(user, err);
}
