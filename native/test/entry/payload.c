// What the test program does inside of a tree: attempts that must fail there.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests.h"

static int print_ids(void) {
  uid_t real, effective, saved;
  getresuid(&real, &effective, &saved);
  printf("%u %u %u\n", real, effective, saved);
  return 0;
}

// Opens a host file by a guessed handle: the root inode of the file system that holds the tree (CVE-2014-3519,
// "shocker").
static int open_by_handle(void) {
  union {
    struct file_handle handle;
    char bytes[sizeof(struct file_handle) + 8];
  } root = {.handle = {.handle_bytes = 8, .handle_type = 1}};
  uint32_t inode[2] = {2, 0};
  memcpy(root.handle.f_handle, inode, sizeof inode);
  int mount = open("/", O_RDONLY);
  int fd = open_by_handle_at(mount, &root.handle, O_RDONLY);
  printf("%s\n", fd >= 0 ? "opened" : strerror(errno));
  return 0;
}

static int print_seals(const char *path) {
  int fd = open(path, O_RDONLY);
  if (fd < 0) return printf("%s\n", strerror(errno)), 0;
  int seals = fcntl(fd, F_GET_SEALS);
  printf("%d\n", seals);
  return 0;
}

// A daemon by the book: two forks, a new session, no stream kept; sleeps for a long time. Prints its pid.
static int become_daemon(void) {
  int ends[2];
  if (pipe(ends) < 0) return 1;
  if (fork() == 0) {
    setsid();
    pid_t daemon = fork();
    if (daemon != 0) {
      char text[16];
      snprintf(text, sizeof text, "%d\n", daemon);
      _exit(write(ends[1], text, strlen(text)) < 0);
    }
    signal(SIGHUP, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    for (int fd = 0; fd < 64; fd++) close(fd);
    sleep(600);
    _exit(0);
  }
  char text[16];
  ssize_t got = read(ends[0], text, sizeof text);
  if (got <= 0 || write(1, text, (size_t)got) != got) return 1;
  wait(NULL);
  return 0;
}

int run_payload(int count, char **arguments) {
  const char *what = arguments[0], *argument = count > 1 ? arguments[1] : "";
  if (strcmp(what, "ids") == 0) return print_ids();
  if (strcmp(what, "ids-as") == 0) {
    uid_t uid = (uid_t)atoi(argument);
    if (setresuid(uid, uid, uid) < 0) return 1;
    execl("/bin/suid", "suid", "payload", "ids", (char *)NULL);
    return 1;
  }
  if (strcmp(what, "handle") == 0) return open_by_handle();
  if (strcmp(what, "seals") == 0) return print_seals(argument);
  if (strcmp(what, "daemon") == 0) return become_daemon();
  if (strcmp(what, "exit") == 0) return atoi(argument);
  return 2;
}
