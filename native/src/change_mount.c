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

int change_mount_overlay(struct tree *tree, const struct change *change, struct err *err) {
  const struct root *root = tree_root(tree, change->at_host);
  auto_place struct place place = PLACE_NONE;
  auto_close int mounted = -1;
  if (place_find(root, change->path, PLACE_PARENT, &place, err) != 0) return -1;
  if (expect_check(tree, root, change, &place, err) != 0) return -1;
  if (place.parent < 0) return err_system(err, place.absence, "mount", change->path);
  mounted = make_overlay(change, err);
  if (mounted < 0) return -1;
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
  char path[PATH_MAX + 32];
  if (place_find(root, change->path, PLACE_PARENT, &place, err) != 0) return -1;
  if (expect_check(tree, root, change, &place, err) != 0) return -1;
  if (place.fd < 0) return err_system(err, place.absence, "umount", change->path);
  // No descriptor of what is mounted may be open then.
  close(place.fd);
  place.fd = -1;
  print_text(path, sizeof path, "/proc/self/fd/%d/%s", place.parent, place.name);
  if (umount2(path, UMOUNT_NOFOLLOW) != 0) return err_system(err, errno, "umount", change->path);
  if (!(change->flags & UNMOUNT_REMOVE) || unlinkat(place.parent, place.name, AT_REMOVEDIR) == 0) return 0;
  return err_system(err, errno, "rmdir", change->path);
}
