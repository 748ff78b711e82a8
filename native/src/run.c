// Runs a process in a tree and waits for its end.
#include "run.h"

#include <poll.h>
#include <stdlib.h>

#include "jobs.h"
#include "running.h"

// Until the process has ended, or was given up.
static void carry(struct running *running) {
  struct port *port = running->tree->port;
  struct pollfd fds[1 + RUNNING_FDS];
  for (;;) {
    running_hear(running);
    if (port->has_ended) running_kill(running, EXIT_CANCELLED);
    fds[0] = (struct pollfd){.fd = port->has_ended ? -1 : port->fd, .events = POLLIN};
    if (port_unsent(port) > 0) fds[0].events |= POLLOUT;
    running_watch(running, fds + 1);
    int64_t left = running_keep_time(running);
    if (left == 0) return;
    jobs_poll(running->tree, fds, 1 + RUNNING_FDS, left);
    if (fds[0].revents & (POLLIN | POLLHUP | POLLERR)) port_receive(port, false);
    bool has_ended = running_handle(running, fds + 1);
    port_send(port);
    if (has_ended) return;
  }
}

int run_kept(struct tree *tree, bool at_host, const struct exec_spec *spec, const struct task *task, struct buffer *out,
             bool *succeeded, struct err *err) {
  struct running running = {.tree = tree, .task = task, .is_kept = true, .process = PROCESS_NONE};
  struct exit_value exit = {0};
  running.is_streaming = (spec->flags & EXEC_STREAM) != 0;
  if (spec->stdin_kind == STDIN_STREAM || spec->flags & EXEC_BACKGROUND)
    return err_fail(err, FAILURE_BAD_REQUEST, "exec", "", "INPUT and background are for EXEC messages alone.");
  if (running_start(&running, spec, at_host, err) == 0) {
    carry(&running);
    running_finish(&running, &exit);
  } else {
    exit.kind = EXIT_NOT_STARTED;
    exit.failure = *err;
  }
  running_release(&running);
  exit.wall_ms = (uint32_t)(running_now_ms() - running.start);
  put_exit(out, &exit);
  put_bytes(out, running.kept[0].data, running.kept[0].length);
  put_bytes(out, running.kept[1].data, running.kept[1].length);
  buffer_free(&running.kept[0]);
  buffer_free(&running.kept[1]);
  // The controller judges the status; what follows in the batch is meant for a program that went well.
  if (succeeded != NULL) *succeeded = exit.kind == EXIT_EXITED && exit.value == 0;
  return 0;
}

static void run_streaming(struct tree *tree, uint32_t channel, const struct exec_spec *spec) {
  struct task task = {channel, 0};
  struct running running = {.tree = tree, .task = &task, .is_streaming = true, .process = PROCESS_NONE};
  struct exit_value exit = {0};
  struct err err;
  err_clear(&err);
  if (running_start(&running, spec, false, &err) == 0) {
    running_reply_started(&running);
    carry(&running);
    running_finish(&running, &exit);
    running_reply_exited(&running, &exit);
  } else {
    reply_error(tree->port, channel, &err);
  }
  running_release(&running);
}

void exec_request(struct tree *tree, uint32_t channel, struct cursor *cursor) {
  struct exec_spec spec;
  uint32_t tree_number;
  decode_exec(cursor, &tree_number, &spec);
  if (cursor->is_broken) port_broken(tree->port, "an EXEC that cannot be decoded");
  if (spec.flags & EXEC_BACKGROUND) jobs_start(tree, channel, &spec);
  else run_streaming(tree, channel, &spec);
  exec_clear(&spec);
}
