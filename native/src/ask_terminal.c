// A terminal between a question for a password and the line of stdin that answers it.
#include "ask_terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "cleanup.h"
#include "fatal.h"
#include "print.h"
#include "pty.h"

#define LINE_MAX_BYTES 4096

static void on_child(int signal) {
  (void)signal; // only to end a wait
}

_Noreturn static void run_command(char **command, int slave, const sigset_t *mask) {
  struct err err;
  if (setsid() < 0 || pty_control(slave, &err) < 0) fatal("cannot take a terminal: %s", strerror(errno));
  // It reaches the terminal as /dev/tty; the pair closes with the execution.
  signal(SIGCHLD, SIG_DFL);
  sigprocmask(SIG_SETMASK, mask, NULL);
  execvp(command[0], command);
  print_to(STDERR_FILENO, "%s: %s\n", command[0], strerror(errno));
  _exit(127);
}

static void copy(int to, const char *data, size_t length) {
  while (length > 0) {
    ssize_t written = write(to, data, length);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno == EAGAIN) {
      struct pollfd wait = {.fd = to, .events = POLLOUT};
      poll(&wait, 1, -1);
      continue;
    }
    if (written <= 0) return; // nobody listens: the command's own end tells
    data += written;
    length -= (size_t)written;
  }
}

// The next line of stdin, without a byte of what follows it.
static size_t read_line(char *line) {
  size_t length = 0;
  while (length < LINE_MAX_BYTES) {
    ssize_t got = read(STDIN_FILENO, &line[length], 1);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) {
      struct pollfd wait = {.fd = STDIN_FILENO, .events = POLLIN};
      poll(&wait, 1, -1);
      continue;
    }
    if (got <= 0) break;
    if (line[length++] == '\n') return length;
  }
  // The end of stdin, or no line: what is asked for is not there.
  line[0] = '\n';
  return 1;
}

static bool is_asking(int master) {
  struct termios settings;
  return tcgetattr(master, &settings) == 0 && (settings.c_lflag & ECHO) == 0;
}

static void serve_terminal(int master) {
  char text[1024], line[LINE_MAX_BYTES];
  ssize_t got = read(master, text, sizeof text);
  if (got <= 0) return;
  copy(STDERR_FILENO, text, (size_t)got);
  // A newline alone is what the terminal shows after an answer.
  if (text[got - 1] == '\n' || !is_asking(master)) return;
  size_t length = read_line(line);
  copy(master, line, length);
  explicit_bzero(line, sizeof line);
}

static int wait_with_terminal(pid_t child, int master, const sigset_t *calm) {
  int state;
  for (;;) {
    pid_t ended = waitpid(child, &state, WNOHANG);
    struct pollfd wait = {.fd = master, .events = POLLIN};
    struct timespec none = {0};
    int ready = ppoll(&wait, 1, ended == 0 ? NULL : &none, calm);
    if (ready > 0) serve_terminal(master);
    else if (ended != 0) break;
  }
  return WIFSIGNALED(state) ? 128 + WTERMSIG(state) : WEXITSTATUS(state);
}

bool ask_terminal_main(int count, char **arguments, int *exit_status) {
  if (count < 3 || strcmp(arguments[1], "--terminal") != 0) return false;
  auto_close int master = -1, slave = -1;
  struct sigaction action = {.sa_handler = on_child};
  sigset_t child_ended, before;
  struct err err;
  if (pty_open(&master, &slave, 0, 0, &err) < 0) fatal("cannot make a terminal: %s", strerror(err.errno_));
  sigaction(SIGCHLD, &action, NULL);
  sigemptyset(&child_ended);
  sigaddset(&child_ended, SIGCHLD);
  sigprocmask(SIG_BLOCK, &child_ended, &before);
  pid_t child = fork();
  if (child == 0) run_command(&arguments[2], slave, &before);
  if (child < 0) fatal("fork: %s", strerror(errno));
  // The password passes through here: no core dump, and nobody of this login's who traces.
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) fatal("set dumpable: %s", strerror(errno));
  // Our copy of the slave stays open: the terminal must not end when the command has closed it.
  sigset_t calm = before;
  sigdelset(&calm, SIGCHLD);
  *exit_status = wait_with_terminal(child, master, &calm);
  return true;
}
