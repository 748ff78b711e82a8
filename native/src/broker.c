// The process outside of the helper's user namespace that starts its agents for the host's own root.
#include "broker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "channel.h"
#include "cleanup.h"
#include "print.h"

#define VARIABLE "CRUN_HOST_BROKER"
#define AGENT_FD 3

_Noreturn static void execute_agent(int program, int control) {
  char path[32];
  char *arguments[] = {"crun-agent", "--agent", "3", NULL};
  char *environment[] = {NULL};
  signal(SIGCHLD, SIG_DFL);
  if (control == AGENT_FD) fcntl(AGENT_FD, F_SETFD, 0);
  else dup2(control, AGENT_FD);
  print_text(path, sizeof path, "/proc/self/fd/%d", program);
  execve(path, arguments, environment);
  _exit(127); // the end of its socket tells
}

_Noreturn static void serve(int socket, int program) {
  struct channel_message request;
  signal(SIGCHLD, SIG_IGN); // agents leave no zombies
  for (;;) {
    int fds[CHANNEL_FDS_MAX];
    size_t count = 0;
    ssize_t got = channel_receive(socket, &request, sizeof request, fds, &count, NULL, -1);
    if (got == 0 || (got < 0 && errno != EINTR)) _exit(0);
    if (count > 0 && fork() == 0) execute_agent(program, fds[0]);
    for (size_t i = 0; i < count; i++) close(fds[i]);
  }
}

int broker_start(struct err *err) {
  int ends[2];
  char number[16];
  auto_close int program = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  if (program < 0) return err_system(err, errno, "open", "/proc/self/exe");
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) return err_system(err, errno, "socketpair", "");
  auto_close int ours = ends[0], theirs = ends[1];
  pid_t pid = fork();
  if (pid < 0) return err_system(err, errno, "fork", "");
  if (pid == 0) {
    // Nothing of the controller's: its end must be seen by the helper alone.
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; fd < 3; fd++) {
      if (nothing < 0 || dup2(nothing, fd) < 0) close(fd);
    }
    close(steal_fd(&ours));
    setsid();
    // Out of the way of the agent's own descriptor.
    serve(theirs, fcntl(program, F_DUPFD_CLOEXEC, AGENT_FD + 1));
  }
  print_text(number, sizeof number, "%d", ours);
  if (fcntl(ours, F_SETFD, 0) < 0 || setenv(VARIABLE, number, 1) < 0)
    return err_system(err, errno, "keep the broker", "");
  (void)steal_fd(&ours);
  return 0;
}

int broker_take(void) {
  const char *number = getenv(VARIABLE);
  int fd = number == NULL ? 0 : (int)strtol(number, NULL, 10);
  int type = 0;
  socklen_t length = sizeof type;
  unsetenv(VARIABLE);
  if (fd <= 2 || getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) < 0 || type != SOCK_SEQPACKET) return 0;
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  return fd;
}

int broker_ask(int broker, int control, struct err *err) {
  struct channel_message request = {.kind = CHANNEL_SPAWN};
  if (channel_send(broker, &request, sizeof request, &control, 1) == 0) return 0;
  return err_fail_errno(err, FAILURE_ENTRY, errno, "start the agent", "",
                        "the process that starts programs on the host itself is gone");
}
