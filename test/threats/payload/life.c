// Row 23: processes that do not want to end, and as many of them as can be had.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "payload.h"

static void ignore_all(void) {
  for (int number = 1; number < 65; number++) signal(number, SIG_IGN);
  signal(SIGCHLD, SIG_DFL);
}

// Daemons of every sort, beside a process that ignores all signals.
static int stubborn(int count, char **arguments) {
  (void)count;
  (void)arguments;
  ignore_all();
  for (int child = 0; child < 4; child++) {
    if (fork() != 0) continue;
    prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
    if (child > 0) setsid();
    if (fork() == 0 && child > 1) setsid();
    if (child == 3) prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    wait_for_ever();
  }
  puts("up");
  wait_for_ever();
}

// Those that come back when they are killed: each watches the other.
static int phoenix(int count, char **arguments) {
  (void)count;
  (void)arguments;
  ignore_all();
  puts("up");
  for (int side = 0; side < 8; side++) {
    if (fork() != 0) continue;
    setsid();
    for (;;) {
      pid_t child = fork();
      if (child == 0) {
        setsid();
        continue;
      }
      if (child > 0) waitpid(child, NULL, 0);
    }
  }
  wait_for_ever();
}

// Forks until the kernel refuses, then says how many there were. MOST: an end that the test machine bears.
static int bomb(int count, char **arguments) {
  long most = count > 0 ? atol(arguments[0]) : 100, made = 0;
  ignore_all();
  for (; made < most; made++) {
    // Sharing memory keeps the test's machine well.
    static char stack[4096];
    pid_t child = (pid_t)fork();
    (void)stack;
    if (child < 0) break;
    if (child == 0) {
      setsid();
      wait_for_ever();
    }
  }
  printf("row 23 bomb %ld %s\n", made, made < most ? strerror(errno) : "without a limit");
  fflush(stdout);
  if (count > 1) return 0;
  wait_for_ever();
}

// Stops and kills what keeps it, as far as that is seen. The controller must not wait for ever.
static int attack_keepers(int count, char **arguments) {
  int number = count > 0 ? atoi(arguments[0]) : SIGSTOP;
  ignore_all();
  puts("up");
  fflush(stdout);
  // Sooner, and the worker waits for word of the start until its deadline of 30 s.
  usleep(100000);
  DIR *processes = opendir("/proc");
  for (struct dirent *entry = processes == NULL ? NULL : readdir(processes); entry != NULL; entry = readdir(processes)) {
    char path[300];
    int pid = atoi(entry->d_name);
    snprintf(path, sizeof path, "/proc/%.200s/comm", entry->d_name);
    if (pid <= 0 || pid == getpid() || strncmp(text_of(path), "crun-", 5) != 0) continue;
    if (kill(pid, number) == 0) printf("row 23 signal to %d\n", pid);
  }
  kill(getppid(), number);
  if (count > 1) return 0;
  wait_for_ever();
}

// The init of a machine: waits, and takes in whoever is left to it.
static int wait_as_init(int count, char **arguments) {
  (void)count;
  (void)arguments;
  signal(SIGCHLD, SIG_IGN);
  puts("up");
  wait_for_ever();
}

const struct attack life_attacks[] = {{"wait", wait_as_init},
                                      {"stubborn", stubborn},
                                      {"phoenix", phoenix},
                                      {"bomb", bomb},
                                      {"keepers", attack_keepers},
                                      {NULL, NULL}};
