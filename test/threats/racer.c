// A hostile owner of a tree: changes names as fast as it can until it is killed, and counts in a file of eight bytes.
//   racer                             does nothing, as the init of a machine
//   racer COUNT exchange A B          two names change places, without end
//   racer COUNT bait A B TARGET       the same; B is made a link to TARGET anew whenever something else came there
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE 2
#endif

static volatile uint64_t *count;

static void exchange(const char *left, const char *right) {
  if (syscall(SYS_renameat2, AT_FDCWD, left, AT_FDCWD, right, RENAME_EXCHANGE) == 0) ++*count;
}

// What came to B goes out of the way under a name of its own, and is emptied where that is easy.
static void lay_bait(const char *name, const char *target) {
  static unsigned number;
  char away[4096], file[4200];
  struct stat status;
  if (lstat(name, &status) == 0 && S_ISLNK(status.st_mode)) return;
  snprintf(away, sizeof away, "%s.%u", name, number++);
  rename(name, away);
  if (symlink(target, name) != 0 && errno != EEXIST) perror("symlink");
  for (const char *const *at = (const char *const[]){"secret", "gone", NULL}; *at != NULL; at++) {
    snprintf(file, sizeof file, "%.4000s/%s", away, *at);
    unlink(file);
  }
  rmdir(away);
}

int main(int argc, char **argv) {
  for (int number = 1; argc < 2 && number < 32; number++) signal(number, SIG_IGN);
  while (argc < 2) pause();
  if (argc < 5) return 2;
  int fd = open(argv[1], O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || ftruncate(fd, sizeof *count) != 0) return 2;
  count = mmap(NULL, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (count == MAP_FAILED) return 2;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (write(1, "up\n", 3) != 3) return 2;
  for (;;) {
    exchange(argv[3], argv[4]);
    if (argc > 5) lay_bait(argv[4], argv[5]);
  }
}
