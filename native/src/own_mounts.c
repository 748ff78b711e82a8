// Makes and enters the helper's own mount namespace.
#include "own_mounts.h"

#include <fcntl.h>
#include <sched.h>
#include <stddef.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "print.h"

// The namespace begins with a process that ends as soon as its descriptor was opened. Mounts of the host come in, none goes
// out.
int own_mounts_make(void) {
  int ready[2], go[2];
  if (pipe2(ready, O_CLOEXEC) != 0) return -1;
  auto_close int ready_read = ready[0], ready_write = ready[1];
  if (pipe2(go, O_CLOEXEC) != 0) return -1;
  auto_close int go_read = go[0], go_write = go[1];
  pid_t pid = fork();
  char word = 0;
  if (pid == 0) {
    close(go_write);
    if (unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) == 0 &&
        write(ready_write, "x", 1) == 1 && read(go_read, &word, 1) < 0)
      _exit(1);
    _exit(0);
  }
  close(steal_fd(&ready_write));
  if (pid < 0 || read(ready_read, &word, 1) != 1) return -1;
  char path[32];
  print_text(path, sizeof path, "/proc/%d/ns/mnt", pid);
  return open(path, O_RDONLY | O_CLOEXEC);
}

void own_mounts_enter(int mounts) {
  auto_close int before = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
  auto_close int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  struct stat was, is;
  if (mounts < 0 || before < 0 || root < 0 || fstat(root, &was) != 0 || setns(mounts, CLONE_NEWNS) != 0) return;
  // It leads to the namespace's root: another one for who was started in a chroot.
  if (stat("/", &is) == 0 && is.st_dev == was.st_dev && is.st_ino == was.st_ino) return;
  if (setns(before, CLONE_NEWNS) != 0 || fchdir(root) != 0 || chroot(".") != 0) _exit(1);
}
