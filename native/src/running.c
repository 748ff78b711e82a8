// A process at work: feeds its input, carries its output, watches its time, hears what the controller says to it.
#include "running.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "content.h"

#define PIECE (64u * 1024u)
// Output that the router has not taken yet: beyond, the process waits.
#define UNSENT_MAX (1024u * 1024u)
// INPUT that the process has not taken yet: the controller keeps to a window of 256 KiB.
#define INPUT_MAX (1024u * 1024u)
// What a killed process gets to end, before it is given up.
#define KILL_MS 10000
// The same where the connection has ended: the end of the entry takes all with it.
#define KILL_GONE_MS 1500

int64_t running_now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void close_fd(int *fd) {
  if (*fd >= 0) close(*fd);
  *fd = -1;
}

// 1. Input. With a terminal there is no end of file to give: its end is what the terminal's line discipline knows as
// end of file.
static void end_input(struct running *running) {
  if (!running->is_terminal) {
    close_fd(&running->process.stdin_fd);
  } else if (running->process.stdin_fd >= 0) {
    static const char end_of_file = 4;
    // A full terminal queue loses it; the process is then still reading, and will be killed at its deadline.
    if (write(running->process.stdin_fd, &end_of_file, 1) < 0) running->process.stdin_fd = -1;
    running->process.stdin_fd = -1;
  }
}

static void reply_input_taken(struct running *running, size_t count) {
  struct buffer *out = &running->tree->port->out;
  size_t start;
  if (count == 0) return;
  start = frame_begin(out, MESSAGE_INPUT_TAKEN, running->task->channel);
  put_u32(out, (uint32_t)count);
  frame_end(out, start);
}

static size_t input_left(const struct running *running) {
  return running->fixed.length + running->input.length;
}

static void drop_input(struct running *running) {
  reply_input_taken(running, running->input.length);
  running->input.length = 0;
  running->fixed.length = 0;
  if (!running->is_terminal) close_fd(&running->process.stdin_fd);
  running->process.stdin_fd = -1;
}

static void feed_input(struct running *running) {
  bool is_fixed = running->fixed.length > 0;
  const uint8_t *data = is_fixed ? running->fixed.data : running->input.data;
  size_t length = is_fixed ? running->fixed.length : running->input.length;
  if (length > 0) {
    ssize_t written = write(running->process.stdin_fd, data, length);
    if (written < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (written < 0) {
      // It closed its input, which is its right.
      drop_input(running);
      return;
    }
    if (is_fixed) {
      running->fixed.data += written;
      running->fixed.length -= (size_t)written;
    } else {
      buffer_drop_front(&running->input, (size_t)written);
      reply_input_taken(running, (size_t)written);
    }
  }
  if (input_left(running) == 0 && running->has_input_ended) end_input(running);
}

// 2. Output. False at its end.
static bool carry_output(struct running *running, int fd, uint8_t stream) {
  struct buffer *out = &running->tree->port->out;
  struct buffer *kept = &running->kept[stream - 1];
  uint8_t data[PIECE];
  ssize_t got = read(fd, data, sizeof data);
  size_t start, room;
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  // EIO: the last process of the terminal is gone.
  if (got <= 0) return false;
  if (running->is_kept && kept->length < running->output_limit) {
    room = (size_t)(running->output_limit - kept->length);
    put_raw(kept, data, (size_t)got < room ? (size_t)got : room);
  }
  if (running->is_streaming && running->is_job) {
    // Nobody holds back a job's output; what is beyond the limit is lost, as in a result.
    uint64_t left = running->output_limit - running->sent[stream - 1];
    if ((uint64_t)got > left) got = (ssize_t)left;
    running->sent[stream - 1] += (uint64_t)got;
    if (got == 0) return true;
  }
  if (running->is_streaming) {
    start = frame_begin(out, MESSAGE_OUTPUT, running->task->channel);
    put_u32(out, running->task->index);
    put_u8(out, stream);
    put_bytes(out, data, (size_t)got);
    frame_end(out, start);
  }
  return true;
}

static void end_output(struct running *running, uint8_t stream) {
  if (stream == 2) {
    close_fd(&running->process.stderr_fd);
  } else if (!running->is_terminal) {
    close_fd(&running->process.stdout_fd);
  } else {
    running->process.stdin_fd = -1;
    close_fd(&running->process.stdout_fd);
  }
}

// What the process wrote before it ended is in the pipes; what others that hold them open write later is not waited
// for.
static bool is_readable(int fd) {
  struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
  return fd >= 0 && poll(&poll_fd, 1, 0) > 0;
}

static void drain_output(struct running *running) {
  for (uint8_t stream = 1; stream <= 2; stream++) {
    int *fd = stream == 1 ? &running->process.stdout_fd : &running->process.stderr_fd;
    // A background process that never stops writing must not hold this up: at most what pipes hold.
    for (unsigned pieces = 0; pieces < 64 && is_readable(*fd); pieces++) {
      if (!carry_output(running, *fd, stream)) end_output(running, stream);
      port_flush_if_full(running->tree->port);
    }
  }
}

// 3. Time and kills.
void running_kill(struct running *running, uint8_t why) {
  if (running->was_killed) return;
  running->was_killed = true;
  running->why = why;
  running->end = running_now_ms() + (running->tree->port->has_ended ? KILL_GONE_MS : KILL_MS);
  entry_kill(running->entry, &running->process, false);
}

// 4. What the controller says.
static void hear_one(struct running *running, struct frame *frame) {
  struct cursor cursor = {.at = frame->payload, .left = frame->length};
  struct err ignored;
  if (frame->type == MESSAGE_CANCEL) {
    running_kill(running, EXIT_CANCELLED);
  } else if (frame->type == MESSAGE_SIGNAL) {
    uint8_t signal = get_u8(&cursor);
    // A process that has just ended cannot take it: no failure.
    if (!cursor.is_broken && signal < 65) entry_signal(running->entry, &running->process, signal, &ignored);
  } else if (frame->type == MESSAGE_RESIZE) {
    uint16_t rows = get_u16(&cursor), columns = get_u16(&cursor);
    if (!cursor.is_broken && running->is_terminal && running->process.stdout_fd >= 0) {
      entry_resize(running->entry, &running->process, rows, columns, &ignored);
    }
  } else {
    struct bytes data = get_bytes(&cursor);
    if (data.length == 0) running->has_input_ended = true;
    if (running->process.stdin_fd < 0) {
      reply_input_taken(running, data.length);
    } else {
      put_raw(&running->input, data.data, data.length);
      if (running->input.length > INPUT_MAX) port_broken(running->tree->port, "INPUT beyond the window");
    }
  }
  finish(&cursor);
  if (cursor.is_broken) port_broken(running->tree->port, "a message to a process that cannot be decoded");
}

void running_hear(struct running *running) {
  struct frame *frame;
  while ((frame = port_take_control(running->tree->port, running->task->channel)) != NULL) {
    hear_one(running, frame);
    free(frame);
  }
}

// 5. What is waited for, and what it brings.
void running_watch(const struct running *running, struct pollfd fds[RUNNING_FDS]) {
  bool is_full = port_unsent(running->tree->port) > UNSENT_MAX;
  bool has_input = input_left(running) > 0 || running->has_input_ended;
  for (size_t i = 0; i < RUNNING_FDS; i++) fds[i] = (struct pollfd){.fd = -1};
  if (has_input) fds[0] = (struct pollfd){.fd = running->process.stdin_fd, .events = POLLOUT};
  if (!is_full) {
    fds[1] = (struct pollfd){.fd = running->process.stdout_fd, .events = POLLIN};
    fds[2] = (struct pollfd){.fd = running->process.stderr_fd, .events = POLLIN};
  }
  fds[3] = (struct pollfd){.fd = running->process.status_fd, .events = POLLIN};
}

int64_t running_keep_time(struct running *running) {
  int64_t left = running->end == 0 ? RUNNING_FOR_EVER : running->end - running_now_ms();
  if (left > 0) return left;
  if (running->was_killed) {
    running->status = (struct process_status){.kind = EXIT_SIGNALED, .value = 9};
    return 0;
  }
  running_kill(running, EXIT_TIMED_OUT);
  return KILL_MS;
}

static bool read_status(struct running *running) {
  ssize_t got;
  do got = read(running->process.status_fd, &running->status, sizeof running->status);
  while (got < 0 && errno == EINTR);
  if (got < 0 && errno == EAGAIN) return false;
  // Root of a running machine may have told it in the keeper's stead.
  err_sanitize(&running->status.failure);
  if (got != (ssize_t)sizeof running->status || running->status.kind > EXIT_NOT_STARTED) {
    running->status = (struct process_status){.kind = EXIT_SIGNALED, .value = 9};
  }
  return true;
}

bool running_handle(struct running *running, const struct pollfd fds[RUNNING_FDS]) {
  if (fds[0].revents) feed_input(running);
  if (fds[1].revents && !carry_output(running, running->process.stdout_fd, 1)) end_output(running, 1);
  if (fds[2].revents && !carry_output(running, running->process.stderr_fd, 2)) end_output(running, 2);
  return fds[3].revents && read_status(running);
}

// 6. Before and after.
static int map_contents(const struct tree *tree, const struct exec_spec *spec, struct exec_spec *resolved,
                        struct bytes *maps, struct err *err) {
  *resolved = *spec;
  if (spec->stdin_kind == STDIN_BLOB) {
    if (blob_map(&tree->blobs, spec->stdin_sha256, &maps[spec->file_count], err) != 0) return -1;
    resolved->stdin_bytes = maps[spec->file_count];
  }
  for (size_t i = 0; i < spec->file_count; i++) {
    struct content *content = &resolved->files[i].content;
    if (content_map(&tree->blobs, content, &content->bytes, &maps[i], err) != 0) return -1;
  }
  return 0;
}

static int spawn(struct running *running, const struct exec_spec *spec, bool at_host, struct err *err) {
  if (tree_entry(running->tree, at_host, spec->entry, &running->entry, err) != 0) return -1;
  beat_enter(running->tree->beat, BEAT_WAITS);
  int result = entry_spawn(running->entry, spec, &running->process, err);
  beat_enter(running->tree->beat, BEAT_WORKS);
  if (result != 0) return -1;
  running->is_terminal = (spec->flags & EXEC_PTY) != 0;
  running->fixed = spec->stdin_bytes;
  running->has_input_ended =
      spec->stdin_kind != STDIN_STREAM && !(running->is_terminal && spec->stdin_kind == STDIN_NONE);
  if (spec->timeout_ms > 0) running->end = running->start + spec->timeout_ms;
  return 0;
}

int running_start(struct running *running, const struct exec_spec *spec, bool at_host, struct err *err) {
  struct exec_spec resolved;
  running->start = running_now_ms();
  running->flags = spec->flags;
  running->output_limit = spec->output_limit;
  running->map_count = spec->file_count + 1;
  running->maps = allocate(running->map_count, sizeof *running->maps);
  return map_contents(running->tree, spec, &resolved, running->maps, err) == 0
             ? spawn(running, &resolved, at_host, err)
             : -1;
}

void running_finish(struct running *running, struct exit_value *exit) {
  bool is_given_up = running->status.kind == EXIT_NOT_STARTED;
  drop_input(running);
  if ((running->flags & EXEC_KILL_LEFTOVERS) && !is_given_up) entry_kill(running->entry, &running->process, true);
  drain_output(running);
  exit->kind = running->was_killed ? running->why : running->status.kind;
  exit->value = running->status.value;
  exit->cpu_ms = running->status.cpu_ms;
  if (exit->kind == EXIT_NOT_STARTED) exit->failure = running->status.failure;
  entry_reap(running->entry, &running->process);
}

void running_release(struct running *running) {
  if (running->is_terminal) running->process.stdin_fd = -1;
  close_fd(&running->process.stdin_fd);
  close_fd(&running->process.stdout_fd);
  close_fd(&running->process.stderr_fd);
  close_fd(&running->process.status_fd);
  for (size_t i = 0; i < running->map_count; i++) blob_unmap(&running->maps[i]);
  free(running->maps);
  running->maps = NULL;
  running->map_count = 0;
  buffer_free(&running->input);
}

void running_reply_started(const struct running *running) {
  struct buffer *out = &running->tree->port->out;
  size_t start_at = frame_begin(out, MESSAGE_STARTED, running->task->channel);
  put_u32(out, (uint32_t)running->process.pid);
  put_u32(out, running->process.lives_on ? STARTED_LIVES_ON : 0);
  frame_end(out, start_at);
}

void running_reply_exited(const struct running *running, struct exit_value *exit) {
  struct buffer *out = &running->tree->port->out;
  size_t start_at = frame_begin(out, MESSAGE_EXITED, running->task->channel);
  exit->wall_ms = (uint32_t)(running_now_ms() - running->start);
  put_exit(out, exit);
  frame_end(out, start_at);
}

