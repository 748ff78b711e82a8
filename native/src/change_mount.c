// Mounts and unmounts on the host: MOUNT_OVERLAY, UNMOUNT. Whoever kills the helper finds what was there before or what is to be there: nothing lies
// between but two system calls.
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "kernel.h"
#include "print.h"
#include "tree.h"

// The kernel's own words of what is wrong with the options, where it has any (`e overlay: …`).
static int mount_failed(int context, int error, const char *step, const char *path, struct err *err) {
  char words[160];
  ssize_t length = read(context, words, sizeof words - 1);
  if (length < 3) return err_system(err, error, step, path);
  words[length] = '\0';
  words[strcspn(words, "\n")] = '\0';
  return err_fail_errno(err, FAILURE_SYSTEM, error, step, path, "%s", words + 2);
}

// A mount that is nowhere yet.
static int make_overlay(const struct change *change, struct err *err) {
  const char *const options[][2] = {
      {"source", "overlay"}, {"lowerdir", change->other}, {"upperdir", change->upper}, {"workdir", change->work}};
  auto_close int context = kernel_fsopen("overlay");
  if (context < 0) return err_system(err, errno, "fsopen", change->path);
  for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
    if (kernel_fsconfig(context, KERNEL_FSCONFIG_SET_STRING, options[i][0], options[i][1]) < 0)
      return mount_failed(context, errno, options[i][0], options[i][1], err);
  }
  if (kernel_fsconfig(context, KERNEL_FSCONFIG_CREATE, NULL, NULL) < 0)
    return mount_failed(context, errno, "mount", change->path, err);
  int mounted = kernel_fsmount(context, 0);
  return mounted >= 0 ? mounted : err_system(err, errno, "fsmount", change->path);
}

static int unmount_at(const struct place *place, int flags) {
  char path[PATH_MAX + 32];
  print_text(path, sizeof path, "/proc/self/fd/%d/%s", place->parent, place->name);
  return umount2(path, UMOUNT_NOFOLLOW | flags);
}

static int place_mount(const struct place *place, int mounted, unsigned flags) {
  auto_close int at = openat(place->parent, place->name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (at < 0) return -1;
  return kernel_move_mount(mounted, "", at, "", KERNEL_MOVE_F_EMPTY_PATH | KERNEL_MOVE_T_EMPTY_PATH | flags);
}

// What is mounted there goes, and the new one is there: at no moment is nothing, since it lies beneath the old one before
// that goes.
static int replace_mount(const struct change *change, struct place *place, int mounted, struct err *err) {
  // No descriptor of what is mounted may be open then.
  close(steal_fd(&place->fd));
  // Not busy: EAGAIN, and nothing is done yet; 0: it was asked twice, and is gone.
  bool is_gone = unmount_at(place, MNT_EXPIRE) == 0;
  if (!is_gone && errno != EAGAIN) return err_system(err, errno, "umount", change->path);
  bool is_beneath = !is_gone && place_mount(place, mounted, KERNEL_MOVE_BENEATH) == 0;
  // EINVAL: before Linux 6.5 nothing can be put beneath. One after the other then.
  if (!is_gone && !is_beneath && errno != EINVAL) return err_system(err, errno, "mount", change->path);
  // Who came in at this very moment keeps what was there until it goes.
  if (!is_gone && unmount_at(place, 0) != 0 && (!is_beneath || unmount_at(place, MNT_DETACH) != 0))
    return err_system(err, errno, "umount", change->path);
  return is_beneath || place_mount(place, mounted, 0) == 0 ? 0 : err_system(err, errno, "mount", change->path);
}

int change_mount_overlay(struct tree *tree, const struct change *change, struct err *err) {
  const struct root *root = tree_root(tree, change->at_host);
  auto_place struct place place = PLACE_NONE;
  auto_close int mounted = -1;
  if (place_find(root, change->path, PLACE_PARENT, &place, err) != 0) return -1;
  if (expect_check(tree, root, change, &place, err) != 0) return -1;
  if (place.parent < 0) return err_system(err, place.absence, "mount", change->path);
  mounted = make_overlay(change, err);
  if (mounted < 0) return -1;
  if (change->flags & OVERLAY_REPLACES) {
    if (place.fd < 0) return err_system(err, place.absence, "umount", change->path);
    return replace_mount(change, &place, mounted, err);
  }
  bool is_new = place.fd < 0;
  if (is_new) {
    if (mkdirat(place.parent, place.name, 0755) != 0) return err_system(err, errno, "mkdir", change->path);
    place.fd = openat(place.parent, place.name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  }
  if (place.fd >= 0 && kernel_move_mount(mounted, "", place.fd, "",
                                         KERNEL_MOVE_F_EMPTY_PATH | KERNEL_MOVE_T_EMPTY_PATH) == 0)
    return 0;
  int error = errno;
  if (is_new) unlinkat(place.parent, place.name, AT_REMOVEDIR);
  return err_system(err, error, "mount", change->path);
}

int change_unmount(struct tree *tree, const struct change *change, struct err *err) {
  const struct root *root = tree_root(tree, change->at_host);
  auto_place struct place place = PLACE_NONE;
  if (place_find(root, change->path, PLACE_PARENT, &place, err) != 0) return -1;
  if (expect_check(tree, root, change, &place, err) != 0) return -1;
  if (place.fd < 0) return err_system(err, place.absence, "umount", change->path);
  close(steal_fd(&place.fd));
  if (unmount_at(&place, 0) != 0) return err_system(err, errno, "umount", change->path);
  if (!(change->flags & UNMOUNT_REMOVE) || unlinkat(place.parent, place.name, AT_REMOVEDIR) == 0) return 0;
  return err_system(err, errno, "rmdir", change->path);
}
